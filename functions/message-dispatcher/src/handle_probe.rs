//! Handling a test delivery: acquire the lease, deliver once, and record the result for the command that requested it.

use crate::dispatcher::Dispatcher;
use crate::outcome::Disposition;
use crate::task::ReceiveContext;
use jiff::Timestamp;
use shared::delivery::client::WebhookRequest;
use shared::delivery::payload::test_payload;
use shared::delivery::probe::{ProbeEnvelope, ProbeOutcome, ProbeResult};
use shared::integration::DeliveryConfig;
use shared::ledger::{self, Acquire, Lease, LeaseRequest, LedgerError, OnExpiredLease};
use std::time::Duration;
use tokio::time::Instant;

impl Dispatcher {
    /// Makes a test delivery. It is never retried, and the platform gets no receipt.
    pub(crate) async fn handle_probe(&self, probe: &ProbeEnvelope, context: ReceiveContext<'_>) -> Disposition {
        let started_at = Instant::now();
        let result = self.run_probe(probe, context).await;
        let (status, reason) = match &result {
            Ok(ProbeOutcome::Answered(status)) => (Some(*status), None),
            Ok(ProbeOutcome::NotAnswered(_)) => (None, Some("no response")),
            Ok(ProbeOutcome::NotConfigured(reason)) | Err(reason) => (None, Some(reason.as_str())),
        };
        let (integration, webhook_id) = (probe.integration.as_str(), probe.webhook_id());
        let milliseconds = started_at.elapsed().as_millis() as u64;
        tracing::info!(integration, webhook_id, outcome = "test_delivery", status, reason, milliseconds);
        Disposition::Ack
    }

    /// The outcome, or why there is none.
    async fn run_probe(&self, probe: &ProbeEnvelope, context: ReceiveContext<'_>) -> Result<ProbeOutcome, String> {
        if probe.is_stale(Timestamp::now()) {
            return Err("stale".to_owned());
        }
        let error_text = |error: LedgerError| error.to_string();
        let Some(lease) = self.acquire_probe_lease(probe, context).await.map_err(error_text)? else {
            return Err("made before".to_owned());
        };
        let result = match self.integrations.get(&probe.integration).await {
            Ok(integration) => {
                let outcome = match integration.destination.messaging_service() {
                    Some(delivery) => {
                        let timeout = context.attempt_timeout(delivery.timeout);
                        self.deliver_probe(delivery, probe, timeout).await
                    }
                    None => ProbeOutcome::NotConfigured(
                        "the integration has a channel, and no messaging service".to_owned(),
                    ),
                };
                ProbeResult { outcome, version: integration.version.clone() }
            }
            Err(error) => ProbeResult { outcome: ProbeOutcome::NotConfigured(error.to_string()), version: None },
        };
        let response = result.to_stored();
        let completed =
            self.ledger.complete(&lease, Timestamp::now(), ledger::Outcome::Succeeded, response.as_deref()).await;
        completed.map_err(error_text)?;
        Ok(result.outcome)
    }

    /// There is only one attempt, so an expired lease is not reclaimed.
    async fn acquire_probe_lease(
        &self,
        probe: &ProbeEnvelope,
        context: ReceiveContext<'_>,
    ) -> Result<Option<Lease>, LedgerError> {
        let key = ledger::key::probe(&probe.integration, &probe.probe);
        let (now, until, on_expired_lease) = (Timestamp::now(), context.lease_end(), OnExpiredLease::Keep);
        let request = LeaseRequest { key: &key, now, until, fingerprint: None, on_expired_lease };
        Ok(match self.ledger.acquire(request).await? {
            Acquire::Acquired(lease) => Some(lease),
            Acquire::InProgress { .. } | Acquire::Completed(_) => None,
        })
    }

    async fn deliver_probe(&self, config: &DeliveryConfig, probe: &ProbeEnvelope, timeout: Duration) -> ProbeOutcome {
        let (now, id) = (Timestamp::now(), probe.webhook_id());
        let request = WebhookRequest { id: &id, trace_id: None, body: test_payload(&probe.integration, now) };
        let secrets = probe.signed_with.secrets(config);
        match self.messaging_service.post_signed(config, secrets, request, now, timeout).await {
            Ok(response) => ProbeOutcome::Answered(response.status().as_u16()),
            Err(error) => ProbeOutcome::NotAnswered(error.into()),
        }
    }
}
