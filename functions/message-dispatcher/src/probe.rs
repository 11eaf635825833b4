//! One test delivery: claim it, deliver it once, and record the result for the command that asked for it.

use crate::dispatcher::{Dispatcher, Reception, Verdict, Without};
use jiff::Timestamp;
use shared::delivery::probe::{ProbeEnvelope, ProbeOutcome, ProbeResult};
use shared::ledger::{self, Bid, CLOCK_SKEW, Claim, Claimed, Lapsed, LedgerError, Outcome};
use tokio::time::Instant;

/// How a test delivery ended.
enum End {
    /// It was made.
    Made(ProbeOutcome),
    /// There is no result: why.
    Dropped(String),
}

impl Dispatcher {
    /// Makes a test delivery. It is never retried, and nothing is reported to the platform.
    pub(crate) async fn dispatch_probe(&self, probe: &ProbeEnvelope, reception: Reception<'_>) -> Verdict {
        let began_at = Instant::now();
        let end = self.probe(probe, reception).await.unwrap_or_else(|error| End::Dropped(error.to_string()));
        end.log(probe, reception, began_at);
        Verdict::Settled
    }

    async fn probe(&self, probe: &ProbeEnvelope, reception: Reception<'_>) -> Result<End, LedgerError> {
        if probe.is_stale(Timestamp::now()) {
            return Ok(End::Dropped("stale".to_owned()));
        }
        let Some(claim) = self.claim_probe(probe, reception).await? else {
            return Ok(End::Dropped("made before".to_owned()));
        };
        let result = self.make(probe, reception).await;
        let answer = result.to_answer();
        self.ledger.complete(&claim, Timestamp::now(), Outcome::Done, answer.as_deref()).await?;
        Ok(End::Made(result.outcome))
    }

    /// One attempt is all that there is: a claim whose holder was cut off is not taken over.
    async fn claim_probe(&self, probe: &ProbeEnvelope, reception: Reception<'_>) -> Result<Option<Claim>, LedgerError> {
        let key = ledger::key::probe(&probe.integration, &probe.probe);
        let until = reception.deadline.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let bid = Bid { key: &key, now: Timestamp::now(), until, fingerprint: None, lapsed: Lapsed::Leave };
        Ok(match self.ledger.claim(bid).await? {
            Claimed::Won(claim) => Some(claim),
            Claimed::InProgress { .. } | Claimed::Settled(_) => None,
        })
    }

    async fn make(&self, probe: &ProbeEnvelope, reception: Reception<'_>) -> ProbeResult {
        match self.integration(&probe.integration, probe.received_at).await {
            Ok(integration) => {
                let delivered = self.messaging_service.deliver_test(&integration.delivery, probe, reception.patience());
                ProbeResult { outcome: delivered.await, version: integration.version.clone() }
            }
            Err(Without::ForNow(error) | Without::ForGood(error)) => {
                ProbeResult { version: None, outcome: ProbeOutcome::NotConfigured(error.to_string()) }
            }
        }
    }
}

impl End {
    fn log(&self, probe: &ProbeEnvelope, reception: Reception<'_>, began_at: Instant) {
        let (status, reason) = match self {
            Self::Made(ProbeOutcome::Answered(status)) => (Some(*status), None),
            Self::Made(ProbeOutcome::NotAnswered(_)) => (None, Some("no answer")),
            Self::Made(ProbeOutcome::NotConfigured(why)) | Self::Dropped(why) => (None, Some(why.as_str())),
        };
        let (request_id, integration) = (reception.request_id, probe.integration.as_str());
        let (webhook_id, milliseconds) = (probe.webhook_id(), began_at.elapsed().as_millis() as u64);
        tracing::info!(request_id, integration, webhook_id, outcome = "test delivery", status, reason, milliseconds);
    }
}
