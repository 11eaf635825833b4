//! Handling a receipt: acquire the lease, post the receipt to the platform, record the outcome.

use crate::backoff::{self, next_retry_delay, remaining_delivery_time};
use crate::channel::LastOffer;
use crate::circuits::{Admission, Answer};
use crate::dispatcher::{Dispatcher, is_permanent};
use crate::outcome::{CIRCUIT_OPEN, Disposition, NotHandled};
use crate::task::{ReceiveContext, Work};
use jiff::Timestamp;
use shared::delivery::envelope::ReceiptEnvelope;
use shared::http_client::TIMEOUT;
use shared::integration::Integration;
use shared::ledger::{self, Acceptance, Acquire, Lease, LedgerError, StatusNews};
use shared::limits::bounded;
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::model::receipt::DeliveryStatus;
use shared::model::trace_id::TraceId;
use shared::observability::calls::PlatformCalls;
use shared::observability::emf::Emf;
use shared::observability::logging::log_at;
use shared::observability::metrics::Event;
use shared::platform::{ApiError, Attempts};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Level, error_span};

/// How handling a receipt ended.
enum ReceiptOutcome {
    Posted,
    /// The ledger has the status. The platform has no word for it, or takes no receipt of the message.
    Recorded,
    /// It was completed before.
    Duplicate,
    /// A more advanced status was reported before, or a replay sends the message again.
    Outdated,
    /// Another worker has the lease.
    InProgressElsewhere {
        until: Timestamp,
    },
    /// The platform did not accept it.
    RetryScheduled {
        error: ApiError,
        after: Duration,
    },
    /// No call was made, because the platform does not answer others.
    CircuitOpen {
        after: Duration,
    },
    NotHandled(NotHandled),
    /// It failed permanently.
    Failed(ApiError),
    /// Its integration has been removed for too long.
    IntegrationRemoved(String),
}

impl Dispatcher {
    /// Handles a receipt. While the platform is unavailable the receipt is retried; its message is no longer on the queue.
    pub(crate) async fn handle_receipt(&self, envelope: &ReceiptEnvelope, context: ReceiveContext<'_>) -> Disposition {
        let started_at = Instant::now();
        let receipt = &envelope.receipt;
        let span = error_span!(
            "receipt",
            integration = envelope.integration.as_str(),
            trace_id = receipt.trace_id.as_ref().map(TraceId::as_str),
            message_id = &*bounded(&receipt.message_id),
            correlation_id = Empty,
        );
        let processing = PlatformCalls::counted(self.process_receipt(envelope, context));
        let (outcome, calls) = processing.instrument(span.clone()).await;
        span.in_scope(|| outcome.log(envelope, &calls, started_at));
        outcome.disposition()
    }

    async fn process_receipt(&self, envelope: &ReceiptEnvelope, context: ReceiveContext<'_>) -> ReceiptOutcome {
        let integration = match self.integrations.get(&envelope.integration).await {
            Ok(integration) => integration,
            Err(error) if is_permanent(&error, envelope.received_at) => {
                if without_receipt(envelope) {
                    return ReceiptOutcome::Recorded;
                }
                let given_up = self.give_up_orphaned_receipt(envelope, error.to_string(), context).await;
                return given_up.unwrap_or_else(|error| ReceiptOutcome::internal_error(&error, context));
            }
            Err(error) => return ReceiptOutcome::NotHandled(NotHandled::load_error(&error, context)),
        };
        let posted = async {
            if !self.is_news(envelope, &integration).await? {
                return Ok(ReceiptOutcome::Outdated);
            }
            if !is_for_platform(envelope, &integration) {
                return Ok(ReceiptOutcome::Recorded);
            }
            self.acquire_and_post(envelope, &integration, context).await
        };
        posted.await.unwrap_or_else(|error| ReceiptOutcome::internal_error(&error, context))
    }

    /// Whether the status is news. A provider's reports are in no order, and each counts for more than a Failed of the
    /// dispatcher, which does not know the outcome.
    async fn is_news(&self, envelope: &ReceiptEnvelope, integration: &Integration) -> Result<bool, LedgerError> {
        let receipt = &envelope.receipt;
        let Some(channel) = integration.destination.channel().filter(|channel| channel.reports_status()) else {
            return Ok(true);
        };
        let key = ledger::key::reported_status(&integration.name, &receipt.message_id);
        let is_failed = receipt.status == DeliveryStatus::Failed;
        let Some(report) = &envelope.provider else {
            return Ok(!is_failed || self.ledger.reported_status(&key).await?.is_none());
        };
        let (replay, is_last_part) = (report.replay.as_deref(), report.is_last_part);
        let news = self.ledger.raise_status(&key, receipt.status, replay, Timestamp::now()).await?;
        // The customer lacks an earlier part even if the last one was delivered before.
        if is_failed && (news == StatusNews::New || news == StatusNews::Outdated && !is_last_part) {
            // Whether or not the platform takes the receipt.
            let emf = Emf::of([Event::Failed(&integration.name)]);
            tracing::warn!(%emf, outcome = "reported_failed", code = report.code);
        }
        let is_news = matches!(news, StatusNews::New | StatusNews::Repeated);
        // The last part has the options.
        if is_news && is_failed && is_last_part {
            let address = report.address.as_ref().unwrap_or(&receipt.to.id).clone();
            if let Some(unseen) = LastOffer::of(&integration.name, channel, address, &receipt.message_id) {
                self.restore_offer_before(&unseen).await;
            }
        }
        Ok(is_news)
    }

    /// Completes a receipt whose integration was removed too long ago: it is no longer retried.
    async fn give_up_orphaned_receipt(
        &self,
        envelope: &ReceiptEnvelope,
        reason: String,
        context: ReceiveContext<'_>,
    ) -> Result<ReceiptOutcome, LedgerError> {
        let lease = match self.acquire_receipt(envelope, context).await? {
            Ok(lease) => lease,
            Err(outcome) => return Ok(outcome),
        };
        self.complete(&lease, context, ledger::Outcome::Failed, None).await?;
        Ok(ReceiptOutcome::IntegrationRemoved(reason))
    }

    /// Acquires the receipt's lease, if it is not completed or in progress.
    async fn acquire_receipt(
        &self,
        envelope: &ReceiptEnvelope,
        context: ReceiveContext<'_>,
    ) -> Result<Result<Lease, ReceiptOutcome>, LedgerError> {
        let key = ledger::key::receipt(&envelope.integration, &envelope.deduplication_id());
        Ok(match self.acquire_receipt_lease(&key, envelope.receipt.time, context).await? {
            Acquire::Acquired(lease) => Ok(lease),
            Acquire::Completed(_) => Err(ReceiptOutcome::Duplicate),
            Acquire::InProgress { until, .. } => Err(ReceiptOutcome::InProgressElsewhere { until }),
        })
    }

    async fn acquire_and_post(
        &self,
        envelope: &ReceiptEnvelope,
        integration: &Arc<Integration>,
        context: ReceiveContext<'_>,
    ) -> Result<ReceiptOutcome, LedgerError> {
        let endpoint = Endpoint::new(integration.name.clone(), EndpointKind::Platform);
        let remaining = remaining_delivery_time(envelope.received_at, integration.destination.give_up_after());
        // Asked before the lease is acquired, because that counts as an attempt.
        let admission = self.circuits.admit(&endpoint, TIMEOUT, Timestamp::now()).await;
        if let Admission::Wait { until } = admission
            && !remaining.is_zero()
        {
            let delay = backoff::delay_while_open(until, context.receive_count, fastrand::f64());
            return Ok(ReceiptOutcome::CircuitOpen { after: delay.min(remaining) });
        }
        let lease = match self.acquire_receipt(envelope, context).await? {
            Ok(lease) => lease,
            Err(outcome) => return Ok(outcome),
        };
        let attempts = Attempts::after(lease.event_time(), lease.may_be_repetition());
        let posted = match admission {
            Admission::Attempt(trial) => {
                let deadline = Instant::now() + context.attempt_timeout(TIMEOUT);
                let posted = self.post(envelope, integration, &attempts, deadline).await;
                let answer = answer(posted.as_ref().err(), Instant::now() >= deadline);
                self.circuits.record(&endpoint, answer, trial, Timestamp::now()).await;
                posted
            }
            Admission::Wait { .. } => Err(ApiError::NotSent(CIRCUIT_OPEN)),
        };
        let error = match posted {
            Ok(()) => {
                self.complete(&lease, context, ledger::Outcome::Succeeded, None).await?;
                return Ok(ReceiptOutcome::Posted);
            }
            Err(error) => error,
        };
        let retry_after = match &error {
            ApiError::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        };
        let backoff = backoff::delay(lease.attempt(), fastrand::f64());
        match next_retry_delay(backoff, retry_after, remaining).filter(|_| !is_final(&error)) {
            Some(after) => {
                let acceptance =
                    if attempts.may_have_taken_effect() { Acceptance::Possible } else { Acceptance::Excluded };
                let gives_up_at = envelope.received_at.saturating_add(integration.destination.give_up_after());
                let work = Work {
                    received_at: envelope.received_at,
                    gives_up_at: gives_up_at.unwrap_or(Timestamp::MAX),
                    kind: ReceiptEnvelope::KIND,
                    message_id: &envelope.receipt.message_id,
                    conversation_id: None,
                };
                let failed = context.failed_attempt(&lease, &error.to_string(), after, work);
                self.release_failed(&lease, acceptance, &failed, context).await?;
                Ok(ReceiptOutcome::RetryScheduled { error, after })
            }
            None => {
                self.complete(&lease, context, ledger::Outcome::Failed, None).await?;
                Ok(ReceiptOutcome::Failed(error))
            }
        }
    }

    async fn post(
        &self,
        envelope: &ReceiptEnvelope,
        integration: &Arc<Integration>,
        attempts: &Attempts,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let post = |current: Arc<Integration>| async move {
            self.platforms.post_receipt(&current.platform, &envelope.receipt, attempts, deadline).await
        };
        self.integrations.with_current(integration, post).await
    }
}

impl ReceiptOutcome {
    fn internal_error(error: &LedgerError, context: ReceiveContext<'_>) -> Self {
        Self::NotHandled(NotHandled::internal_error(error, context))
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Posted
            | Self::Recorded
            | Self::Duplicate
            | Self::Outdated
            | Self::Failed(_)
            | Self::IntegrationRemoved(_) => Disposition::Ack,
            Self::InProgressElsewhere { until } => Disposition::retry_after_lease(*until),
            Self::NotHandled(not_handled) => not_handled.disposition,
            Self::RetryScheduled { after, .. } => Disposition::Retry { after: *after },
            Self::CircuitOpen { after } => Disposition::CircuitOpen { after: *after },
        }
    }

    /// Writes the log line with its metrics. An error is what an operator has to act on.
    fn log(&self, envelope: &ReceiptEnvelope, calls: &PlatformCalls, started_at: Instant) {
        let name = &envelope.integration;
        let event = match self {
            Self::Failed(_) | Self::IntegrationRemoved(_) => Some(Event::ReceiptFailed(name)),
            Self::CircuitOpen { .. } => Some(Event::CircuitOpen(name)),
            _ => None,
        };
        let emf = Emf::of(event.into_iter().chain(calls.events()));
        let (level, outcome, reason) = match self {
            Self::Posted => (Level::INFO, "receipt_posted", None),
            Self::Recorded => (Level::INFO, "receipt_recorded", Some("the platform takes no such receipt".to_owned())),
            Self::Duplicate => (Level::INFO, "receipt_duplicate", Some("already completed".to_owned())),
            Self::Outdated => (
                Level::INFO,
                "receipt_outdated",
                Some("a more advanced status was reported, or a replay sends the message again".to_owned()),
            ),
            Self::InProgressElsewhere { .. } => {
                (Level::INFO, "receipt_retry", Some("another worker has the lease".to_owned()))
            }
            Self::RetryScheduled { error, .. } => (Level::WARN, "receipt_retry", Some(error.to_string())),
            Self::CircuitOpen { .. } => (Level::INFO, "receipt_circuit_open", Some(CIRCUIT_OPEN.to_owned())),
            Self::NotHandled(NotHandled { reason, .. }) => (Level::ERROR, "receipt_retry", Some(reason.clone())),
            Self::Failed(error) => (Level::ERROR, "receipt_failed", Some(error.to_string())),
            Self::IntegrationRemoved(reason) => (Level::ERROR, "receipt_failed", Some(reason.clone())),
        };
        let platform_error = match self {
            Self::RetryScheduled { error, .. } | Self::Failed(error) => error.platform_error(),
            _ => None,
        };
        let code = platform_error.and_then(|error| error.code.as_deref());
        let age_seconds = Timestamp::now().duration_since(envelope.received_at).as_secs_f64();
        let milliseconds = started_at.elapsed().as_millis() as u64;
        let platform_milliseconds = calls.milliseconds();
        let receipt_status = envelope.receipt.status.as_str();
        log_at!(
            level,
            %emf,
            receipt_status,
            outcome,
            reason,
            code,
            age_seconds,
            platform_milliseconds,
            milliseconds
        );
    }
}

/// Whether it is about a message of which the platform takes no receipt.
fn without_receipt(envelope: &ReceiptEnvelope) -> bool {
    envelope.provider.as_ref().is_some_and(|report| report.without_receipt)
}

/// Whether the platform takes the receipt.
fn is_for_platform(envelope: &ReceiptEnvelope, integration: &Integration) -> bool {
    !without_receipt(envelope) && integration.platform.name().receipt_status(envelope.receipt.status).is_some()
}

/// How the platform answered, given why the call failed and whether it used all of its time: a token that does not come
/// takes as much of it as a call that is not answered.
fn answer(error: Option<&ApiError>, time_is_up: bool) -> Answer {
    match error {
        error if time_is_up || error.is_some_and(ApiError::is_timeout) => Answer::TimedOut,
        None
        | Some(
            ApiError::Refused(_)
            | ApiError::TooEarly(_)
            | ApiError::Credentials(_)
            | ApiError::RateLimited { .. }
            | ApiError::OutcomeUnknown { .. },
        ) => Answer::Prompt,
        // No call was made, or none that the platform answered.
        Some(
            ApiError::NotSent(_)
            | ApiError::NotAuthorized { .. }
            | ApiError::TooLarge { .. }
            | ApiError::InvalidRequest(_)
            | ApiError::Unsupported,
        ) => Answer::None,
    }
}

/// Whether a retry is pointless. An operator can fix refused credentials.
fn is_final(error: &ApiError) -> bool {
    match error {
        ApiError::Refused(_) | ApiError::TooLarge { .. } | ApiError::InvalidRequest(_) | ApiError::Unsupported => true,
        ApiError::Credentials(_)
        | ApiError::NotAuthorized { .. }
        | ApiError::TooEarly(_)
        | ApiError::NotSent(_)
        | ApiError::RateLimited { .. }
        | ApiError::OutcomeUnknown { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::platform::PlatformError;

    #[test]
    fn a_platform_that_does_not_answer_a_token_request_in_time_does_not_answer() {
        assert_eq!(Answer::TimedOut, answer(Some(&ApiError::NotSent("no access token in time")), true));
        assert_eq!(Answer::TimedOut, answer(None, true));
        let unknown = ApiError::OutcomeUnknown { cause: "the connection broke", error: None };
        for (expected, error) in [
            (Answer::Prompt, Some(unknown)),
            (Answer::Prompt, Some(ApiError::RateLimited { retry_after: Duration::ZERO })),
            (Answer::Prompt, None),
            (Answer::None, Some(ApiError::NotSent("Secrets Manager is unavailable"))),
            (Answer::None, Some(ApiError::TooLarge { maximum: 1 })),
        ] {
            assert_eq!(expected, answer(error.as_ref(), false), "{error:?}");
        }
    }

    #[test]
    fn a_refusal_is_final_unless_it_is_too_early_or_an_operator_can_fix_it() {
        let refusal = || PlatformError { status: 403, ..PlatformError::default() };
        assert!(is_final(&ApiError::Refused(refusal())));
        for retried in [ApiError::TooEarly(refusal()), ApiError::Credentials(refusal())] {
            assert!(!is_final(&retried), "{retried}");
        }
    }
}
