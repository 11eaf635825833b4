//! One receipt: claim it, post it to the platform, and record that.

use crate::backoff;
use crate::dispatcher::{Dispatcher, Reception, Turn, Verdict, Without, next_wait, time_left};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use shared::delivery::envelope::ReceiptEnvelope;
use shared::integration::Integration;
use shared::ledger::{self, LedgerError, Outcome};
use shared::limits::bounded;
use shared::model::trace_id::TraceId;
use shared::observability::logging::log_at;
use shared::observability::metrics::Event;
use shared::platform::ApiError;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Level, error_span};

/// After this a 403 is no longer taken for one that passes: HighLevel answers so for ten seconds after a message was sent.
const FORBIDDEN_FOR_GOOD: SignedDuration = SignedDuration::from_mins(2);

/// How a turn with a receipt ended.
enum End {
    /// The platform has it.
    Posted,
    /// The platform had it before.
    Duplicate,
    /// Another worker has it; it comes again in case that one does not get through.
    Busy,
    /// It comes again, for the platform did not take it: why.
    Retried(ApiError),
    /// It comes again, for something of our own is out of order: what.
    Troubled(String),
    /// The platform will never hear of it: why.
    Failed(ApiError),
    /// The platform will never hear of it, for its integration has been gone for too long.
    Orphaned(String),
}

impl Dispatcher {
    /// Posts a receipt to the platform, and tells how that ended. While the platform is out of reach it comes again and
    /// again; the message that it speaks of has long left the queue.
    pub(crate) async fn dispatch_receipt(&self, envelope: &ReceiptEnvelope, reception: Reception<'_>) -> Verdict {
        let began_at = Instant::now();
        let receipt = &envelope.receipt;
        let span = error_span!(
            "receipt",
            request_id = reception.request_id,
            integration = envelope.integration.as_str(),
            trace_id = receipt.trace_id.as_ref().map(TraceId::as_str),
            message_id = &*bounded(&receipt.message_id),
            correlation_id = Empty,
        );
        let (end, verdict) = self.attend_receipt(envelope, reception).instrument(span.clone()).await;
        span.in_scope(|| end.tell(envelope, began_at));
        verdict
    }

    async fn attend_receipt(&self, envelope: &ReceiptEnvelope, reception: Reception<'_>) -> (End, Verdict) {
        let integration = match self.integration(&envelope.integration, envelope.received_at).await {
            Ok(integration) => integration,
            Err(Without::ForNow(error)) => {
                return (End::Troubled(error.to_string()), reception.retry_without(&error));
            }
            Err(Without::ForGood(error)) => return (End::Orphaned(error.to_string()), Verdict::Settled),
        };
        let posted = self.claim_and_post(envelope, &integration, reception).await;
        posted.unwrap_or_else(|error| (End::Troubled(error.to_string()), reception.retry_soon()))
    }

    async fn claim_and_post(
        &self,
        envelope: &ReceiptEnvelope,
        integration: &Arc<Integration>,
        reception: Reception<'_>,
    ) -> Result<(End, Verdict), LedgerError> {
        let key = ledger::key::receipt(&integration.name, &envelope.receipt);
        let claim = match self.turn(&key, None, reception).await? {
            Turn::Ours(claim) => claim,
            Turn::Done(_) => return Ok((End::Duplicate, Verdict::Settled)),
            Turn::Not(verdict) => return Ok((End::Busy, verdict)),
        };
        let deadline = Instant::now() + reception.patience();
        let posting = self.integrations.with_current(integration, |current| async move {
            self.platforms.post_receipt(&current.platform, &envelope.receipt, deadline).await
        });
        let error = match posting.await {
            Ok(()) => {
                self.complete(&claim, reception, Outcome::Done, None).await?;
                return Ok((End::Posted, Verdict::Settled));
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
                self.release(&claim, reception).await?;
                Ok((End::Retried(error), Verdict::ComeAgain(wait)))
            }
            None => {
                self.complete(&claim, reception, Outcome::Failed, None).await?;
                Ok((End::Failed(error), Verdict::Settled))
            }
        }
    }
}

impl End {
    /// Tells it. What an operator has to act on is an error.
    fn tell(&self, envelope: &ReceiptEnvelope, began_at: Instant) {
        if matches!(self, Self::Failed(_) | Self::Orphaned(_)) {
            Event::ReceiptFailed(&envelope.integration).emit();
        }
        let (outcome, reason) = match self {
            Self::Posted => ("receipt posted", None),
            Self::Duplicate => ("duplicate receipt", Some("already settled".to_owned())),
            Self::Busy => ("receipt to be retried", Some("another worker has it".to_owned())),
            Self::Retried(error) => ("receipt to be retried", Some(error.to_string())),
            Self::Troubled(why) => ("receipt to be retried", Some(why.clone())),
            Self::Failed(error) => ("receipt failed", Some(error.to_string())),
            Self::Orphaned(why) => ("receipt failed", Some(why.clone())),
        };
        let words = match self {
            Self::Retried(error) | Self::Failed(error) => error.platform_error(),
            _ => None,
        };
        let code = words.and_then(|words| words.code.as_deref());
        let level = match self {
            Self::Posted | Self::Duplicate | Self::Busy => Level::INFO,
            Self::Retried(_) => Level::WARN,
            Self::Troubled(_) | Self::Failed(_) | Self::Orphaned(_) => Level::ERROR,
        };
        let age_seconds = Timestamp::now().duration_since(envelope.received_at).as_secs_f64();
        let milliseconds = began_at.elapsed().as_millis() as u64;
        let status = envelope.receipt.status.as_str();
        log_at!(level, status, outcome, reason, code, age_seconds, milliseconds);
    }
}

/// Whether trying again would change nothing. That we may not do this is nothing that passes, once it is clear that the
/// platform had time to come to know its own message; that we are not who we say we are, an operator may put right.
fn is_final(error: &ApiError, age: SignedDuration) -> bool {
    match error {
        ApiError::Refused(_) | ApiError::TooLarge { .. } | ApiError::InvalidRequest(_) | ApiError::Unsupported => true,
        ApiError::Credentials(error) => error.status == StatusCode::FORBIDDEN.as_u16() && age > FORBIDDEN_FOR_GOOD,
        ApiError::NotSent(_) | ApiError::RateLimited { .. } | ApiError::OutcomeUnknown { .. } => false,
    }
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
