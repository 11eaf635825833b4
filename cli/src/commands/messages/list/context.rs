//! What holds messages of an integration back: circuits that are open.

use super::row::Row;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::{ledger_error, trial_time};
use crate::ui::output::seconds;
use jiff::Timestamp;
use serde::Serialize;
use shared::delivery::envelope::InboundEnvelope;
use shared::ledger::Circuit;
use shared::ledger::key::{IntegrationKey, Kind};
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

    /// Whether a row waits for it: messages for their messaging service, receipts and what customers did for the platform.
    pub(super) fn holds(&self, row: &Row) -> bool {
        let key = row.ledger_key.as_deref().and_then(IntegrationKey::parse).map(|key| key.kind);
        let endpoint = match key {
            Some(Kind::Delivery) if row.kind.as_deref() != Some(InboundEnvelope::KIND) => {
                EndpointKind::MessagingService
            }
            Some(Kind::Delivery | Kind::Receipt) => EndpointKind::Platform,
            _ => return false,
        };
        row.integration == self.integration && endpoint.as_str() == self.endpoint
    }

    pub(super) fn describe(&self, now: Timestamp) -> String {
        let since = self.since.map(|since| format!(" since {}", seconds(since))).unwrap_or_default();
        format!(
            "The circuit of `{}` is open: the {} has not answered {} attempts{since}; {}. When it answers, what waits follows \
             within 15 minutes.",
            self.integration,
            self.endpoint.replace('-', " "),
            self.timeouts,
            trial_time(self.next_attempt_at, now)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::Status;
    use super::*;
    use shared::delivery::envelope::ReceiptEnvelope;

    #[test]
    fn a_message_waits_for_the_messaging_service_and_what_goes_to_the_platform_for_the_platform() {
        let circuit = |endpoint: EndpointKind| OpenCircuit {
            integration: "acme".to_owned(),
            endpoint: endpoint.as_str(),
            timeouts: 5,
            since: None,
            next_attempt_at: Timestamp::UNIX_EPOCH,
        };
        let holds = |key: &str, kind: &str, integration: &str| {
            let key = format!("{key}#{integration}#{}", "0a".repeat(32));
            let row = Row::new(Status::Retrying, integration, Timestamp::UNIX_EPOCH);
            let row = Row { ledger_key: Some(key), kind: Some(kind.to_owned()), ..row };
            [EndpointKind::MessagingService, EndpointKind::Platform].map(|endpoint| circuit(endpoint).holds(&row))
        };
        assert_eq!([true, false], holds("delivery", "Text", "acme"));
        assert_eq!([false, true], holds("receipt", ReceiptEnvelope::KIND, "acme"));
        assert_eq!([false, true], holds("delivery", InboundEnvelope::KIND, "acme"));
        assert_eq!([false, false], holds("delivery", "Text", "other"));
    }
}
