//! Selects kept messages.

use super::message::FailedMessage;
use crate::error::CliError;
use crate::ui::output::sanitize;
use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};
use shared::model::integration_name::IntegrationName;

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those of this integration
    #[arg(long, value_name = "NAME")]
    integration: Option<IntegrationName>,
    /// Only those that failed since then: a time such as 2026-01-02T03:04:05Z, or a duration such as 90m or 2d
    #[arg(long, value_name = "TIME", value_parser = |text: &str| since(text, Timestamp::now()))]
    since: Option<Timestamp>,
    /// Only the one with this id: the platform's message id, or the webhook-id of the delivery
    #[arg(long, value_name = "ID")]
    message: Option<String>,
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = || {
        let span: Span = text.parse().ok()?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        now.checked_sub(ago.abs()).ok()
    };
    text.parse()
        .ok()
        .or_else(ago)
        .ok_or_else(|| "must be a time such as 2026-01-02T03:04:05Z, or a duration such as 90m, 12h or 2d".to_owned())
}

impl Filter {
    pub(super) fn matches(&self, message: &FailedMessage) -> bool {
        self.integration.as_ref().is_none_or(|name| message.integration() == name.as_str())
            && self.since.is_none_or(|since| message.parked.failed_at >= since)
            && self.message.as_deref().is_none_or(|id| message.has_id(id))
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
        [of, since, called].into_iter().flatten().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn since_is_a_time_or_a_duration() {
        let now: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        for (text, minutes) in [("2026-01-04T23:00:00Z", 60), ("90m", 90), ("12h", 720), ("2d", 2880), ("PT12H", 720)] {
            assert_eq!(Ok(now - SignedDuration::from_mins(minutes)), since(text, now), "{text}");
        }
        for wrong in ["", "yesterday", "2", "2026"] {
            assert!(since(wrong, now).is_err(), "{wrong}");
        }
    }
}
