//! What holds messages of an integration back: circuits that are open.

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::ledger_error;
use crate::ui::output::seconds;
use jiff::Timestamp;
use serde::Serialize;
use shared::ledger::Circuit;
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::model::integration_name::IntegrationName;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenCircuit {
    integration: String,
    endpoint: &'static str,
    timeouts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    next_attempt_at: Timestamp,
}

pub(super) async fn open_circuits(
    stack: &Stack,
    integrations: &[IntegrationName],
) -> Result<Vec<OpenCircuit>, CliError> {
    let ledger = stack.ledger().await?;
    let endpoints: Vec<_> = integrations
        .iter()
        .flat_map(|name| {
            [EndpointKind::MessagingService, EndpointKind::Platform].map(|kind| Endpoint::new(name.clone(), kind))
        })
        .collect();
    let states = ledger.lane_states(&[], endpoints).await.map_err(|error| ledger_error(&error))?;
    Ok(states.circuits.into_iter().filter_map(OpenCircuit::new).collect())
}

impl OpenCircuit {
    fn new((endpoint, circuit): (Endpoint, Circuit)) -> Option<Self> {
        Some(Self {
            integration: endpoint.integration.to_string(),
            endpoint: endpoint.kind.as_str(),
            timeouts: circuit.timeouts,
            since: circuit.since,
            next_attempt_at: circuit.open_until?,
        })
    }

    pub(super) fn describe(&self) -> String {
        let since = self.since.map(|since| format!(" since {}", seconds(since))).unwrap_or_default();
        format!(
            "The circuit of `{}` is open: the {} has not answered {} attempts{since}. The next attempt is made at {}, or when \
             a message is due.",
            self.integration,
            self.endpoint.replace('-', " "),
            self.timeouts,
            seconds(self.next_attempt_at)
        )
    }
}
