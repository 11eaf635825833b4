//! Messages that are sent once: channels do not deduplicate. So a message that may have been sent is not sent again,
//! unless an operator replays it.

use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::task::Task;
use jiff::Timestamp;
use shared::channel::ChannelConfig;
use shared::delivery::record::DeliveryRecord;
use shared::integration::Integration;
use shared::ledger::{self, Acquire, Lease, LedgerError, PartsSent};
use shared::model::receipt::DeliveryStatus;

/// The parts of a message that an attempt sends.
pub(crate) enum Sending {
    /// All but those that were sent before.
    From(PartsSent),
    /// None, because the channel's provider has reported the message as sent.
    AlreadySent,
    /// None, because some were sent, and the message has another number of parts now.
    OtherParts,
}

pub(crate) fn is_sent_once(integration: &Integration) -> bool {
    integration.destination.channel().is_some()
}

fn reports_status(integration: &Integration) -> bool {
    integration.destination.channel().is_some_and(ChannelConfig::reports_status)
}

impl Dispatcher {
    /// A messaging service drops repetitions by their id. Channels do not.
    pub(crate) async fn acquire_delivery(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        key: &str,
    ) -> Result<Acquire, LedgerError> {
        if is_sent_once(integration) {
            self.acquire_lease_once(key, task.replay_id(), task.context).await
        } else {
            self.acquire_lease(key, task.replay_id(), task.context).await
        }
    }

    /// Fails a message whose lease expired before its outcome was recorded: the function ended during the attempt, and the
    /// channel may have sent it.
    pub(crate) async fn end_abandoned(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        key: &str,
    ) -> Result<Outcome, LedgerError> {
        Ok(match self.acquire_lease(key, task.replay_id(), task.context).await? {
            Acquire::Acquired(lease) => {
                let cause = "the function ended during the attempt".to_owned();
                self.end_unknown(task, integration, &lease, cause).await
            }
            Acquire::InProgress { until, .. } => Outcome::InProgressElsewhere { until },
            Acquire::Completed(completed) => self.handle_duplicate(task, &completed).await,
        })
    }

    /// Ends a message that the channel may have sent. A failure may be reported of an earlier part, or of an earlier time; each
    /// other status says that the last part was sent.
    pub(crate) async fn end_unknown(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        lease: &Lease,
        cause: String,
    ) -> Outcome {
        match self.reported_status(task, integration).await {
            Ok(Some(reported)) if reported != DeliveryStatus::Failed => {
                let outcome = Outcome::delivered(task);
                return self.complete_delivery(task, lease, outcome, DeliveryRecord::default()).await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(reason = %error, "the reported status could not be read"),
        }
        self.fail(task, lease, Failure::OutcomeUnknown(cause), None).await
    }

    /// Whether a message that is replayed was sent before after all, and did not fail.
    pub(crate) async fn was_sent_before_replay(
        &self,
        task: &Task<'_>,
        integration: &Integration,
    ) -> Result<bool, LedgerError> {
        if task.replay_id().is_none() {
            return Ok(false);
        }
        let reported = self.reported_status(task, integration).await?;
        Ok(reported.is_some_and(|reported| reported != DeliveryStatus::Failed))
    }

    /// Which of these parts this attempt sends. A replay continues after those that were sent before it, unless one of them
    /// was reported as failed: any part may be the one that the customer lacks.
    pub(crate) async fn begin_sending(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        lease: &Lease,
        parts: usize,
    ) -> Result<Sending, LedgerError> {
        let (before, replay) = (lease.parts_sent(), task.replay_id());
        if before.sent > 0 {
            let fits = before.sent < parts && before.of.is_none_or(|of| of == parts);
            let is_earlier = replay.is_some() && before.replay.as_deref() != replay;
            let starts_over = is_earlier && (!fits || self.has_failed(task, integration).await?);
            if !starts_over {
                let continued = PartsSent { of: Some(parts), ..before.clone() };
                return Ok(if fits { Sending::From(continued) } else { Sending::OtherParts });
            }
        }
        let none = PartsSent { sent: 0, of: Some(parts), replay: replay.map(str::to_owned) };
        let Some(replay) = replay else { return Ok(Sending::From(none)) };
        if before.sent > 0 {
            self.ledger.record_parts_sent(lease, Timestamp::now(), &none).await?;
        }
        let key = ledger::key::reported_status(&integration.name, &task.message.message_id);
        if reports_status(integration) && !self.ledger.begin_statuses(&key, replay, Timestamp::now()).await? {
            return Ok(Sending::AlreadySent);
        }
        Ok(Sending::From(none))
    }

    async fn has_failed(&self, task: &Task<'_>, integration: &Integration) -> Result<bool, LedgerError> {
        Ok(self.reported_status(task, integration).await? == Some(DeliveryStatus::Failed))
    }

    /// What the channel's provider has reported of the message.
    async fn reported_status(
        &self,
        task: &Task<'_>,
        integration: &Integration,
    ) -> Result<Option<DeliveryStatus>, LedgerError> {
        if !reports_status(integration) {
            return Ok(None);
        }
        let key = ledger::key::reported_status(&integration.name, &task.message.message_id);
        self.ledger.reported_status(&key).await
    }
}
