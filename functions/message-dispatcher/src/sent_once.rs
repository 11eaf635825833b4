//! Messages that are sent once: a channel does not know repetitions. So a message that may have been sent is not sent again,
//! unless an operator replays it.

use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::task::Task;
use shared::channel::ChannelConfig;
use shared::delivery::record::DeliveryRecord;
use shared::integration::Integration;
use shared::ledger::{self, Acquire, Lease, LedgerError};
use shared::model::receipt::DeliveryStatus;

pub(crate) fn is_sent_once(integration: &Integration) -> bool {
    integration.destination.channel().is_some()
}

impl Dispatcher {
    /// A messaging service knows repetitions by their id. A channel does not.
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

    /// Ends a message that the channel may have sent. If its provider has reported a status, it was sent.
    pub(crate) async fn end_unknown(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        lease: &Lease,
        cause: String,
    ) -> Outcome {
        match self.reported_status(task, integration).await {
            Ok(Some(_)) => {
                let outcome = Outcome::delivered(task);
                return self.complete_delivery(task, lease, outcome, DeliveryRecord::default()).await;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(reason = %error, "the reported status could not be read"),
        }
        self.fail(task, lease, Failure::OutcomeUnknown(cause), None).await
    }

    /// Whether a message that is replayed was sent the first time after all. One whose failure was reported is sent again.
    pub(crate) async fn was_sent_before_replay(
        &self,
        task: &Task<'_>,
        integration: &Integration,
    ) -> Result<bool, LedgerError> {
        if task.replay_id().is_none() {
            return Ok(false);
        }
        match self.reported_status(task, integration).await? {
            Some(DeliveryStatus::Failed) => {
                let key = ledger::key::reported_status(&integration.name, &task.message.message_id);
                self.ledger.forget_status(&key).await.map(|()| false)
            }
            reported => Ok(reported.is_some()),
        }
    }

    /// What the channel's provider has reported of the message.
    async fn reported_status(
        &self,
        task: &Task<'_>,
        integration: &Integration,
    ) -> Result<Option<DeliveryStatus>, LedgerError> {
        if !integration.destination.channel().is_some_and(ChannelConfig::reports_status) {
            return Ok(None);
        }
        let key = ledger::key::reported_status(&integration.name, &task.message.message_id);
        self.ledger.reported_status(&key).await
    }
}
