//! One message: claim it, deliver it, and record what came of it.

use crate::backoff;
use crate::delivery::{Attempt, Cause, MessagingService, TIMEOUT};
use crate::failure::{Failure, report_failure};
use jiff::{SignedDuration, Timestamp};
use shared::aws::OPERATION_TIMEOUT;
use shared::delivery::{Delivery, webhook_id};
use shared::envelope::Envelope;
use shared::integration::{Integration, IntegrationStore, LoadError};
use shared::ledger::{Claim, Claimed, Ledger, LedgerError, Outcome};
use shared::message::{Kind, Message};
use std::time::Duration;

/// What has to be left of the invocation's time after an attempt: one write to the ledger and one call to the queue.
const TIME_TO_SETTLE: Duration = OPERATION_TIMEOUT.saturating_mul(2);

/// How long a message whose integration is gone is kept, in case the integration comes back.
const KEPT_WITHOUT_INTEGRATION: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How far the clocks of two Lambda hosts may differ: a lease outlasts its invocation by this much.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Delivers messages.
pub(crate) struct Dispatcher {
    integrations: IntegrationStore,
    ledger: Ledger,
    messaging_service: MessagingService,
}

/// What is to become of the message on the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is settled and leaves the queue.
    Settled,
    /// It goes back, with everything behind it, and comes again after this wait.
    ComeAgain(Duration),
}

/// One message on its way.
struct Task<'t> {
    envelope: &'t Envelope,
    message: &'t Message,
}

impl Dispatcher {
    pub(crate) fn new(integrations: IntegrationStore, ledger: Ledger, messaging_service: MessagingService) -> Self {
        Self { integrations, ledger, messaging_service }
    }

    /// Dispatches the message in `body`, which has been received `receives` times. Nothing is begun that could not be
    /// ended before `deadline`.
    pub(crate) async fn dispatch(&self, body: &str, receives: u64, deadline: Timestamp) -> Verdict {
        if until(deadline) < TIMEOUT + TIME_TO_SETTLE {
            return Verdict::ComeAgain(Duration::ZERO);
        }
        let come_again = Verdict::ComeAgain(backoff::after(receives, fastrand::f64()));
        // What cannot be read was written by another version of the receiver. It stays on the queue until the version
        // that reads it is back, or until the queue sets it aside.
        let Ok(envelope) = Envelope::from_queue(body) else {
            tracing::error!(outcome = "retry", reason = "unreadable envelope");
            return come_again;
        };
        let message = match envelope.message() {
            Ok(message) => message,
            Err(fault) => {
                tracing::error!(integration = %envelope.integration, outcome = "retry", reason = %fault);
                return come_again;
            }
        };
        let task = Task { envelope: &envelope, message: &message };
        if task.is_stale(Timestamp::now()) {
            task.log("dropped", "stale typing event");
            return Verdict::Settled;
        }
        match self.integrations.get(&envelope.integration).await {
            Ok(integration) => self.claim_and_deliver(&task, &integration, deadline).await.unwrap_or_else(|error| {
                task.log_trouble("retry", &error);
                come_again
            }),
            Err(LoadError::NotFound) if task.age() > KEPT_WITHOUT_INTEGRATION => {
                task.log_trouble("failed", &LoadError::NotFound);
                Verdict::Settled
            }
            Err(error) => {
                task.log_trouble("retry", &error);
                come_again
            }
        }
    }

    async fn claim_and_deliver(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        deadline: Timestamp,
    ) -> Result<Verdict, LedgerError> {
        let lease_end = deadline.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let identity = task.message.identity(&integration.name);
        let key = format!("delivery#{}#{identity}", integration.name);
        match self.ledger.claim(&key, Timestamp::now(), lease_end).await? {
            Claimed::Settled(_) => {
                task.log("duplicate", "already settled");
                Ok(Verdict::Settled)
            }
            Claimed::InProgress { until: lease_end } => {
                task.log("retry", "another worker has it");
                Ok(Verdict::ComeAgain(until(lease_end).max(Duration::from_secs(1))))
            }
            Claimed::Won(claim) => Ok(self.deliver(task, integration, &claim, deadline).await),
        }
    }

    async fn deliver(&self, task: &Task<'_>, integration: &Integration, claim: &Claim, deadline: Timestamp) -> Verdict {
        let attempt = match Delivery::new(task.envelope, task.message).to_body() {
            Ok(body) => {
                let id = webhook_id(&integration.name, task.message);
                let patience = until(deadline).saturating_sub(TIME_TO_SETTLE);
                self.messaging_service.deliver(&integration.delivery, &id, body, patience).await
            }
            Err(_) => Attempt::Retry { cause: Cause::Unwritable, retry_after: None },
        };
        match attempt {
            Attempt::Accepted => {
                self.complete(task, claim, Outcome::Done, None).await;
                task.log("delivered", "");
                Verdict::Settled
            }
            Attempt::Refused(status) => self.fail(task, claim, Failure::Refused(status)).await,
            Attempt::Retry { .. } if matches!(task.message.kind, Kind::Typing(_)) => {
                self.fail(task, claim, Failure::Dropped).await
            }
            Attempt::Retry { cause, retry_after } => {
                let backoff = backoff::after(claim.version(), fastrand::f64());
                match next_wait(backoff, retry_after, task.time_left(integration.delivery.give_up_after)) {
                    None => self.fail(task, claim, Failure::Expired).await,
                    Some(wait) => {
                        if let Err(error) = self.ledger.release(claim, Timestamp::now()).await {
                            task.log_trouble("not released", &error);
                        }
                        task.log("retry", &cause.to_string());
                        Verdict::ComeAgain(wait)
                    }
                }
            }
        }
    }

    async fn fail(&self, task: &Task<'_>, claim: &Claim, failure: Failure) -> Verdict {
        report_failure(&task.envelope.integration, task.message, failure);
        self.complete(task, claim, Outcome::Failed, Some(&failure.record())).await;
        Verdict::Settled
    }

    /// Records the outcome. When that fails, the message leaves the queue all the same: it has been delivered or
    /// refused, and only a copy that comes after the lease could be delivered again, under the same `webhook-id`.
    async fn complete(&self, task: &Task<'_>, claim: &Claim, outcome: Outcome, record: Option<&str>) {
        if let Err(error) = self.ledger.complete(claim, Timestamp::now(), outcome, record).await {
            task.log_trouble("not recorded", &error);
        }
    }
}

impl Task<'_> {
    /// Whether it is a typing event whose time is over.
    fn is_stale(&self, now: Timestamp) -> bool {
        let Kind::Typing(typing) = &self.message.kind else { return false };
        let sent_at = self.message.sent_at().unwrap_or(self.envelope.received_at);
        let shown_for = i64::try_from(typing.duration_milliseconds).unwrap_or(i64::MAX);
        now.duration_since(sent_at) > SignedDuration::from_millis(shown_for)
    }

    /// How long ago it was received.
    fn age(&self) -> SignedDuration {
        Timestamp::now().duration_since(self.envelope.received_at)
    }

    /// How long it may still be tried.
    fn time_left(&self, give_up_after: Duration) -> Duration {
        let age = Duration::try_from(self.age()).unwrap_or_default();
        give_up_after.saturating_sub(age)
    }

    fn log(&self, outcome: &str, reason: &str) {
        let (integration, message_id) = (self.envelope.integration.as_str(), &self.message.message_id);
        let (kind, age_seconds) = (self.message.kind.name(), self.age().as_secs_f64());
        tracing::info!(integration, message_id, kind, outcome, reason, age_seconds);
    }

    fn log_trouble(&self, outcome: &str, error: &dyn std::error::Error) {
        let (integration, message_id) = (self.envelope.integration.as_str(), &self.message.message_id);
        tracing::error!(integration, message_id, outcome, reason = %error);
    }
}

/// The wait before the next attempt, or `None` when no time is left.
///
/// The last attempt falls on the end of that time at the latest: a service that asks for a longer wait than that would
/// have the message given up untried.
fn next_wait(backoff: Duration, retry_after: Option<Duration>, time_left: Duration) -> Option<Duration> {
    (!time_left.is_zero()).then(|| backoff.max(retry_after.unwrap_or_default()).min(time_left))
}

/// How long it is until `instant`; nothing when it has passed.
fn until(instant: Timestamp) -> Duration {
    instant.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_longer_of_backoff_and_retry_after_counts() {
        assert_eq!(Some(seconds(4)), next_wait(seconds(4), None, seconds(100)));
        assert_eq!(Some(seconds(4)), next_wait(seconds(4), Some(seconds(2)), seconds(100)));
        assert_eq!(Some(seconds(9)), next_wait(seconds(4), Some(seconds(9)), seconds(100)));
    }

    #[test]
    fn the_last_attempt_falls_on_the_end_of_the_time() {
        assert_eq!(Some(seconds(30)), next_wait(seconds(900), None, seconds(30)));
        assert_eq!(Some(seconds(30)), next_wait(seconds(4), Some(seconds(86_400)), seconds(30)));
        assert_eq!(None, next_wait(seconds(900), None, Duration::ZERO));
    }
}
