//! One thing off the queue: a message or a test delivery for the messaging service, or a receipt for the platform.

use crate::backoff;
use crate::delivery::{MessagingService, TIMEOUT};
use crate::patience::patiently;
use jiff::{SignedDuration, Timestamp};
use shared::aws::OPERATION_TIMEOUT;
use shared::delivery::envelope::Queued;
use shared::delivery::parking::Parking;
use shared::delivery::queue::MessageQueue;
use shared::integration::{Integration, IntegrationStore, LoadError};
use shared::ledger::{Bid, CLOCK_SKEW, Claim, Claimed, Lapsed, Ledger, LedgerError, Outcome, Settled};
use shared::model::integration_name::IntegrationName;
use shared::platform::Platforms;
use std::sync::Arc;
use std::time::Duration;

/// What has to be left of the invocation's time after an attempt: one write to the ledger, and then one call to each queue
/// at the same time.
const TIME_TO_SETTLE: Duration = OPERATION_TIMEOUT.saturating_mul(2);

/// How long what belongs to an integration that is gone is kept, in case the integration comes back.
const KEPT_WITHOUT_INTEGRATION: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Delivers messages and receipts.
pub(crate) struct Dispatcher {
    pub(crate) integrations: IntegrationStore,
    pub(crate) ledger: Ledger,
    pub(crate) messaging_service: MessagingService,
    pub(crate) platforms: Platforms,
    pub(crate) queue: MessageQueue,
    /// Where failed messages are kept.
    pub(crate) parking: Parking,
}

/// What is to become of it on the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is settled and leaves the queue.
    Settled,
    /// It goes back, with everything behind it, and comes again after this wait.
    ComeAgain(Duration),
}

/// How it came off the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reception<'r> {
    /// Lambda's id of the invocation.
    pub(crate) request_id: &'r str,
    /// The queue's text.
    pub(crate) body: &'r str,
    /// The group on the queue.
    pub(crate) group: &'r str,
    /// The place in the group.
    pub(crate) sequence_number: Option<&'r str>,
    /// How often it has been received, this time included.
    pub(crate) receives: u64,
    /// When the invocation ends.
    pub(crate) deadline: Timestamp,
}

impl Reception<'_> {
    /// How long an attempt may take.
    pub(crate) fn patience(self) -> Duration {
        until(self.deadline).saturating_sub(TIME_TO_SETTLE).min(TIMEOUT)
    }

    /// It is retried within seconds: something of our own is out of reach.
    pub(crate) fn retry_soon(self) -> Verdict {
        Verdict::ComeAgain(backoff::after_own_fault(self.receives, fastrand::f64()))
    }

    /// It is retried after a longer wait each time: it takes another version or an operator.
    pub(crate) fn retry_later(self) -> Verdict {
        Verdict::ComeAgain(backoff::after(self.receives, fastrand::f64()))
    }

    /// It is retried because its integration cannot be had.
    pub(crate) fn retry_without(self, error: &LoadError) -> Verdict {
        match error {
            LoadError::Unavailable(_) | LoadError::TooManyUnknown => self.retry_soon(),
            LoadError::NotFound | LoadError::Invalid(_) => self.retry_later(),
        }
    }
}

/// Why there is no integration for something off the queue.
pub(crate) enum Without {
    /// It cannot be read at the moment.
    ForNow(LoadError),
    /// It has been gone for too long.
    ForGood(LoadError),
}

/// What came of trying to claim.
pub(crate) enum Turn {
    Ours(Claim),
    Done(Settled),
    Not(Verdict),
}

impl Dispatcher {
    /// Dispatches what came off the queue. Nothing is begun that could not be ended before the deadline.
    pub(crate) async fn dispatch(&self, reception: Reception<'_>) -> Verdict {
        if until(reception.deadline) < TIMEOUT + TIME_TO_SETTLE {
            return Verdict::ComeAgain(Duration::ZERO);
        }
        match Queued::read(reception.body) {
            Ok(Queued::Message(envelope)) => self.dispatch_message(&envelope, reception).await,
            Ok(Queued::Receipt(envelope)) => self.dispatch_receipt(&envelope, reception).await,
            Ok(Queued::Probe(envelope)) => self.dispatch_probe(&envelope, reception).await,
            // It was written by another version. It stays on the queue until the version that reads it is back, or
            // until the queue sets it aside.
            Err(_) => {
                tracing::error!(request_id = reception.request_id, outcome = "retry", reason = "unreadable envelope");
                reception.retry_later()
            }
        }
    }

    /// The integration of something that is to be dispatched since `due_since`.
    pub(crate) async fn integration(
        &self,
        name: &IntegrationName,
        due_since: Timestamp,
    ) -> Result<Arc<Integration>, Without> {
        self.integrations.get(name).await.map_err(|error| {
            let kept_too_long = Timestamp::now().duration_since(due_since) > KEPT_WITHOUT_INTEGRATION;
            if error == LoadError::NotFound && kept_too_long { Without::ForGood(error) } else { Without::ForNow(error) }
        })
    }

    /// Claims `key` until a little after the deadline. Work whose holder died is taken over: all of it may be done again.
    pub(crate) async fn turn(
        &self,
        key: &str,
        replay: Option<&str>,
        reception: Reception<'_>,
    ) -> Result<Turn, LedgerError> {
        let until_then = reception.deadline.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        let bid = Bid { key, now: Timestamp::now(), until: until_then, fingerprint: None, lapsed: Lapsed::TakeOver };
        Ok(match self.ledger.claim_for(bid, replay).await? {
            Claimed::Won(claim) => Turn::Ours(claim),
            Claimed::Settled(settled) => Turn::Done(settled),
            Claimed::InProgress { until: end, .. } => {
                Turn::Not(Verdict::ComeAgain(until(end).max(Duration::from_secs(1))))
            }
        })
    }

    /// Gives a claim back. Where that fails, the next attempt has to wait for the end of the lease.
    pub(crate) async fn release(&self, claim: &Claim, reception: Reception<'_>) -> Result<(), LedgerError> {
        let release = || self.ledger.release(claim, Timestamp::now());
        patiently(reception.deadline, release, LedgerError::passes).await
    }

    /// Records how the work ended. Where that fails, it is done again when it is asked for again.
    pub(crate) async fn complete(
        &self,
        claim: &Claim,
        reception: Reception<'_>,
        outcome: Outcome,
        answer: Option<&str>,
    ) -> Result<(), LedgerError> {
        let complete = || self.ledger.complete(claim, Timestamp::now(), outcome, answer);
        patiently(reception.deadline, complete, LedgerError::passes).await
    }
}

/// The wait before the next attempt, or `None` when no time is left.
///
/// The last attempt falls on the end of that time at the latest: a service that asks for a longer wait than that would
/// have the message given up untried.
pub(crate) fn next_wait(backoff: Duration, retry_after: Option<Duration>, time_left: Duration) -> Option<Duration> {
    (!time_left.is_zero()).then(|| backoff.max(retry_after.unwrap_or_default()).min(time_left))
}

/// How long it is until `instant`; nothing when it has passed.
pub(crate) fn until(instant: Timestamp) -> Duration {
    instant.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

/// How much is left of `give_up_after` since `due_since`.
pub(crate) fn time_left(due_since: Timestamp, give_up_after: Duration) -> Duration {
    let age = Duration::try_from(Timestamp::now().duration_since(due_since)).unwrap_or_default();
    give_up_after.saturating_sub(age)
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
