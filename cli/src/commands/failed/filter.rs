//! Selects kept messages.

use super::message::FailedMessage;
use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::error::CliError;
use crate::ui::output::sanitize;
use crate::ui::values::since;
use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use shared::api::problem::ProblemType;
use shared::delivery::record;
use shared::model::integration_name::IntegrationName;

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those of this integration
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// Only those that failed since then: a time such as 2026-01-02T03:04:05Z, or a duration such as 90m or 2d
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only the one with this id: the platform's message id, or the webhook-id of the delivery
    #[arg(long, value_name = "ID")]
    message: Option<String>,
    /// Only those with this reason, such as outcome-unknown, or with one of several, separated by commas
    #[arg(long, value_name = "REASON", value_delimiter = ',', value_parser = reasons(), hide_possible_values = true)]
    reason: Vec<String>,
}

/// Those of messages to customers, and the problems of customers' messages.
fn reasons() -> PossibleValuesParser {
    let problems = ProblemType::ALL.iter().map(|problem| problem.as_str());
    PossibleValuesParser::new(
        record::KEPT.into_iter().chain(problems.filter(|problem| !record::KEPT.contains(problem))),
    )
}

impl Filter {
    pub(super) fn matches(&self, message: &FailedMessage) -> bool {
        self.integration.as_ref().is_none_or(|name| message.integration() == name.as_str())
            && self.since.is_none_or(|since| message.parked.failed_at >= since)
            && self.message.as_deref().is_none_or(|id| message.has_id(id))
            && (self.reason.is_empty() || self.reason.contains(&message.parked.reason))
    }

    /// Whether a replay leaves this message out, because it may have arrived, and was not selected by its id or reason.
    pub(super) fn leaves_out_of_replay(&self, message: &FailedMessage) -> bool {
        message.parked.reason == record::OUTCOME_UNKNOWN && self.leaves_out_unknown()
    }

    /// Whether messages are selected neither by their id nor by their reason.
    pub(super) fn leaves_out_unknown(&self) -> bool {
        self.message.is_none() && self.reason.is_empty()
    }

    /// An integration that does not exist is an error, if none of its messages are kept.
    pub(super) async fn require_integration(&self, stack: &Stack, found: usize) -> Result<(), CliError> {
        match found {
            0 => integrations::unknown(stack, self.integration.as_ref()).await.map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Messages are not deleted unless they are selected.
    pub(super) fn require_selection(&self) -> Result<(), CliError> {
        let Self { integration, since, message, reason } = self;
        match integration.is_none() && since.is_none() && message.is_none() && reason.is_empty() {
            true => Err(CliError::Usage(
                "select the messages with --integration, --since, --message or --reason".to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// An id without a kept message is an error.
    pub(super) fn require_match(&self, found: usize) -> Result<(), CliError> {
        match &self.message {
            Some(id) if found == 0 => Err(CliError::Failed(format!(
                "no matching failed message `{}` is kept; `patchbay messages show` shows its status",
                sanitize(id)
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn describe(&self) -> String {
        let of = self.integration.as_ref().map(|name| format!(" of `{name}`"));
        let since = self.since.map(|since| format!(" that failed since {since}"));
        let called = self.message.as_deref().map(|id| format!(" with the id `{}`", sanitize(id)));
        let because = (!self.reason.is_empty()).then(|| format!(" with the reason {}", self.reason.join(" or ")));
        [of, since, called, because].into_iter().flatten().collect()
    }
}
