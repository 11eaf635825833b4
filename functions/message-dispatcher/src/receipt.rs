//! One receipt: claim it, post it to the platform, and record that.

use crate::backoff;
use crate::dispatcher::{Dispatcher, Reception, Turn, Verdict, next_wait, time_left};
use jiff::Timestamp;
use shared::envelope::ReceiptEnvelope;
use shared::integration::Integration;
use shared::ledger::{LedgerError, Outcome};
use shared::platform::genesys_cloud::api::ApiError;

impl Dispatcher {
    /// Posts a receipt to the platform. While the platform is out of reach it comes again and again; the message that it
    /// speaks of has long left the queue.
    pub(crate) async fn dispatch_receipt(&self, envelope: &ReceiptEnvelope, reception: Reception) -> Verdict {
        let (name, message_id) = (&envelope.integration, &envelope.receipt.message_id);
        let integration = match self.integration(name, message_id, envelope.received_at, reception).await {
            Ok(integration) => integration,
            Err(verdict) => return verdict,
        };
        self.claim_and_post(envelope, &integration, reception).await.unwrap_or_else(|error| {
            log(envelope, "receipt to be retried", &error.to_string());
            reception.come_again()
        })
    }

    async fn claim_and_post(
        &self,
        envelope: &ReceiptEnvelope,
        integration: &Integration,
        reception: Reception,
    ) -> Result<Verdict, LedgerError> {
        let identity = envelope.receipt.identity(&integration.name);
        let key = format!("receipt#{}#{identity}", integration.name);
        let claim = match self.turn(&key, reception).await? {
            Turn::Ours(claim) => claim,
            Turn::Done(_) => {
                log(envelope, "duplicate receipt", "already settled");
                return Ok(Verdict::Settled);
            }
            Turn::Not(verdict) => return Ok(verdict),
        };
        let deadline = tokio::time::Instant::now() + reception.patience();
        let error = match self.platforms.post_receipt(&integration.platform, &envelope.receipt, deadline).await {
            Ok(()) => {
                log(envelope, "receipt posted", "");
                self.ledger.complete(&claim, Timestamp::now(), Outcome::Done, None).await?;
                return Ok(Verdict::Settled);
            }
            Err(error) => error,
        };
        let retry_after = match &error {
            ApiError::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        };
        let backoff = backoff::after(claim.version(), fastrand::f64());
        let left = time_left(envelope.received_at, integration.delivery.give_up_after);
        match next_wait(backoff, retry_after, left)
            .filter(|_| !matches!(error, ApiError::Refused(_) | ApiError::TooLarge { .. }))
        {
            Some(wait) => {
                log(envelope, "receipt to be retried", &error.to_string());
                self.ledger.release(&claim, Timestamp::now()).await?;
                Ok(Verdict::ComeAgain(wait))
            }
            None => {
                let (integration, message_id) = (integration.name.as_str(), &envelope.receipt.message_id);
                let (code, correlation_id) = match &error {
                    ApiError::Refused(error) => (error.code.as_deref(), error.correlation_id.as_deref()),
                    _ => (None, None),
                };
                tracing::error!(integration, message_id, outcome = "receipt failed", reason = %error, code, correlation_id);
                self.ledger.complete(&claim, Timestamp::now(), Outcome::Failed, None).await?;
                Ok(Verdict::Settled)
            }
        }
    }
}

fn log(envelope: &ReceiptEnvelope, outcome: &str, reason: &str) {
    let (integration, message_id) = (envelope.integration.as_str(), &envelope.receipt.message_id);
    let status = envelope.receipt.status.as_str();
    tracing::info!(integration, message_id, status, outcome, reason);
}
