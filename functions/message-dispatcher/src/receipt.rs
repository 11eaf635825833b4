//! One receipt: claim it, post it to the platform, and record that.

use crate::backoff;
use crate::dispatcher::{Dispatcher, Reception, Turn, Verdict, next_wait, time_left};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use shared::envelope::ReceiptEnvelope;
use shared::integration::Integration;
use shared::ledger::{LedgerError, Outcome};
use shared::platform::ApiError;

/// After this a 403 is no longer taken for one that passes: HighLevel answers so for ten seconds after a message was sent.
const FORBIDDEN_FOR_GOOD: SignedDuration = SignedDuration::from_mins(2);

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
        let age = Timestamp::now().duration_since(envelope.received_at);
        match next_wait(backoff, retry_after, left).filter(|_| !is_final(&error, age)) {
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

/// Whether trying again would change nothing. That we may not do this is nothing that passes, once it is clear that the
/// platform had time to come to know its own message; that we are not who we say we are, an operator may put right.
fn is_final(error: &ApiError, age: SignedDuration) -> bool {
    match error {
        ApiError::Refused(_) | ApiError::TooLarge { .. } | ApiError::Unfit(_) | ApiError::Unsupported => true,
        ApiError::Credentials(error) => error.status == StatusCode::FORBIDDEN.as_u16() && age > FORBIDDEN_FOR_GOOD,
        ApiError::NotSent(_) | ApiError::RateLimited { .. } | ApiError::Unknown { .. } => false,
    }
}

fn log(envelope: &ReceiptEnvelope, outcome: &str, reason: &str) {
    let (integration, message_id) = (envelope.integration.as_str(), &envelope.receipt.message_id);
    let status = envelope.receipt.status.as_str();
    tracing::info!(integration, message_id, status, outcome, reason);
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::platform::PlatformError;

    #[test]
    fn a_403_passes_at_first_and_a_401_until_somebody_puts_it_right() {
        let of = |status| ApiError::Credentials(PlatformError { status, ..PlatformError::default() });
        let (early, late) = (SignedDuration::from_secs(119), SignedDuration::from_secs(121));
        assert!(!is_final(&of(403), early) && is_final(&of(403), late));
        assert!(!is_final(&of(401), late));
    }
}
