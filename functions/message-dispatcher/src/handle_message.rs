//! Handling a message: acquire the lease, deliver, record the outcome, park the message if it failed, enqueue the receipt.

use crate::attempt::{AttemptError, AttemptResult, attempt};
use crate::backoff::{self, next_retry_delay, remaining_delivery_time};
use crate::channel::Form;
use crate::circuits::{Admission, Answer, Trial};
use crate::dispatcher::{Dispatcher, is_permanent};
use crate::failure::Failure;
use crate::outcome::{CIRCUIT_OPEN, Disposition, NotHandled, Outcome};
use crate::sent_once::is_sent_once;
use crate::task::{ReceiveContext, Task};
use http::StatusCode;
use jiff::Timestamp;
use shared::delivery::client::WebhookRequest;
use shared::delivery::envelope::Envelope;
use shared::delivery::payload::DeliveryPayload;
use shared::delivery::queue::SendError;
use shared::delivery::record::{self, DeliveryRecord};
use shared::integration::{CardRoute, DeliveryConfig, Destination, Integration};
use shared::ledger::{self, Acceptance, Acquire, CompletedRecord, Lease, LeaseRequest, LedgerError, OnExpiredLease};
use shared::limits::bounded;
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::model::receipt::ReasonCode;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

impl Dispatcher {
    pub(crate) async fn handle_message(&self, envelope: &Envelope, context: ReceiveContext<'_>) -> Disposition {
        let message = match envelope.message() {
            Ok(message) => message,
            Err(error) => {
                let emf = Emf::of([Event::Retried(&envelope.integration)]);
                let integration = envelope.integration.as_str();
                tracing::error!(%emf, integration, outcome = "retry", reason = %error);
                return Disposition::Retry { after: context.backoff() };
            }
        };
        let task = Task::new(envelope, message, context);
        let span = task.span();
        let outcome = self.process(&task).instrument(span.clone()).await;
        span.in_scope(|| outcome.log(&task));
        outcome.disposition()
    }

    async fn process(&self, task: &Task<'_>) -> Outcome {
        if task.is_stale(Timestamp::now()) {
            return Outcome::Dropped("stale typing event");
        }
        let integration = match self.integrations.get(&task.envelope.integration).await {
            Ok(integration) => integration,
            Err(error) if is_permanent(&error, task.envelope.due_since()) => {
                let given_up = self.give_up_orphaned(task, error.to_string()).await;
                return given_up
                    .unwrap_or_else(|error| Outcome::NotHandled(NotHandled::internal_error(&error, task.context)));
            }
            Err(error) => return Outcome::NotHandled(NotHandled::load_error(&error, task.context)),
        };
        let form = integration.destination.channel().map(|channel| Form::of(&task.message, channel));
        if let Some(Form::NotForCustomers) = form {
            return Outcome::Dropped("not for the channel");
        }
        let learning = self.conversations.learn_from(&task.message, &integration);
        let checking = self.authorization_checks.check(&integration, &self.platforms);
        let (processed, (), ()) = tokio::join!(self.acquire_and_deliver(task, &integration), learning, checking);
        processed.unwrap_or_else(|error| Outcome::NotHandled(NotHandled::internal_error(&error, task.context)))
    }

    /// Completes a message whose integration was removed too long ago: it is no longer retried.
    async fn give_up_orphaned(&self, task: &Task<'_>, reason: String) -> Result<Outcome, LedgerError> {
        let key = ledger::key::delivery(&task.envelope.integration, task.id.digest().as_str());
        Ok(match self.acquire_lease(&key, task.replay_id(), task.context).await? {
            Acquire::Acquired(lease) => {
                let outcome = Outcome::IntegrationRemoved(reason);
                let (reason, at) = (Some(record::ORPHANED.to_owned()), Some(Timestamp::now()));
                let record = DeliveryRecord { reason, at, ..DeliveryRecord::default() };
                self.complete_delivery(task, &lease, outcome, record).await
            }
            Acquire::InProgress { until, .. } => Outcome::InProgressElsewhere { until },
            Acquire::Completed(completed) => self.handle_duplicate(task, &completed).await,
        })
    }

    async fn acquire_and_deliver(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
    ) -> Result<Outcome, LedgerError> {
        let endpoint = Endpoint::new(integration.name.clone(), EndpointKind::MessagingService);
        if let Some(channel) = integration.destination.channel().filter(|_| task.is_typing()) {
            return self.show_typing(task, integration, channel, &endpoint).await;
        }
        let remaining = remaining_delivery_time(task.envelope.due_since(), integration.destination.give_up_after());
        // Asked before the lease is acquired, because that counts as an attempt.
        let admission = self.circuits.admit(&endpoint, integration.destination.timeout(), Timestamp::now()).await;
        if let Admission::Wait { until } = admission
            && !remaining.is_zero()
        {
            return Ok(wait(task, until, remaining));
        }
        let is_text_trace = self.is_text_trace(task, integration).await?;
        let was_sent = self.was_sent_before_replay(task, integration).await?;
        let key = ledger::key::delivery(&integration.name, task.id.digest().as_str());
        Ok(match self.acquire_delivery(task, integration, &key).await? {
            Acquire::Acquired(lease) if is_text_trace => {
                let outcome = Outcome::Dropped("text trace of a card");
                self.complete_delivery(task, &lease, outcome, DeliveryRecord::text_trace()).await
            }
            Acquire::Acquired(lease) if was_sent => {
                let outcome = Outcome::Dropped("the channel has reported that it was sent");
                self.complete_delivery(task, &lease, outcome, DeliveryRecord::default()).await
            }
            Acquire::Acquired(lease) => match admission {
                Admission::Attempt(trial) => self.deliver(task, integration, &lease, &endpoint, trial).await,
                Admission::Wait { .. } => {
                    let failure = Failure::Expired(ReasonCode::MessageExpired);
                    self.fail(task, &lease, failure, Some(CIRCUIT_OPEN.to_owned())).await
                }
            },
            // Where a lease is reclaimed, it may have expired since the ledger was asked.
            Acquire::InProgress { until, .. } if is_sent_once(integration) && until <= Timestamp::now() => {
                self.end_abandoned(task, integration, &key).await?
            }
            Acquire::InProgress { until, .. } => Outcome::InProgressElsewhere { until },
            Acquire::Completed(completed) => self.handle_duplicate(task, &completed).await,
        })
    }

    /// Whether the message is the text trace of a card that the customer gets, or has got, as a card. Each code counts once:
    /// in another message it is a copy that somebody sent. A code that no known secret made may be made with a secret that
    /// is not loaded yet. If that cannot be checked, the text is delivered.
    async fn is_text_trace(&self, task: &Task<'_>, integration: &Arc<Integration>) -> Result<bool, LedgerError> {
        let code = match integration.cards {
            CardRoute::MessagingService { text_trace: true } => task.trace_code(),
            _ => None,
        };
        let Some(code) = code else { return Ok(false) };
        let check = |integration: &Integration| {
            let ours = integration.trace_keys().iter().any(|key| code.is_made_with(key));
            if ours { Ok(()) } else { Err(()) }
        };
        let checked = self.integrations.with_refresh(Arc::clone(integration), check, |()| true).await;
        if !matches!(checked, Ok(Ok(_))) {
            return Ok(false);
        }
        let (key, now) = (ledger::key::text_trace(&integration.name, code.as_str()), Timestamp::now());
        let fingerprint = Some(task.id.digest().as_str());
        let on_expired_lease = OnExpiredLease::Reclaim;
        let request = LeaseRequest { key: &key, now, until: now, fingerprint, on_expired_lease };
        match self.ledger.acquire(request).await? {
            Acquire::Acquired(lease) => {
                self.ledger.complete(&lease, now, ledger::Outcome::Succeeded, None).await?;
                Ok(true)
            }
            Acquire::Completed(CompletedRecord { fingerprint: first, .. })
            | Acquire::InProgress { fingerprint: first, .. } => Ok(first.as_deref() == fingerprint),
        }
    }

    /// Does for a completed message what follows from its outcome, if that may have been interrupted: this may be a retry
    /// because the message was not parked or its receipt not queued. A failed message may have been a dead letter since then,
    /// and a redriven dead letter has a receive count of 1 again.
    pub(crate) async fn handle_duplicate(&self, task: &Task<'_>, completed: &CompletedRecord) -> Outcome {
        let may_be_interrupted = !task.context.is_first() || completed.outcome == ledger::Outcome::Failed;
        if !may_be_interrupted || completed.replay.as_deref() != task.replay_id() {
            return Outcome::Duplicate;
        }
        let record = DeliveryRecord::from_stored(completed.response.as_deref());
        self.follow_up(task, Outcome::Duplicate, completed.outcome, completed.attempts, &record).await
    }

    async fn deliver(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        lease: &Lease,
        endpoint: &Endpoint,
        trial: Option<Trial>,
    ) -> Outcome {
        let (result, answer) = match &integration.destination {
            Destination::MessagingService(config) => self.attempt(task, config).await,
            Destination::Channel(channel) => self.send_through_channel(task, integration, &channel.config, lease).await,
        };
        let recorded = self.circuits.record(endpoint, answer, trial, Timestamp::now());
        let (outcome, ()) = tokio::join!(self.conclude(task, integration, lease, result), recorded);
        outcome
    }

    /// Does what follows from the result of an attempt.
    async fn conclude(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        lease: &Lease,
        result: AttemptResult,
    ) -> Outcome {
        match result {
            AttemptResult::Accepted(immediate) => {
                let outcome = Outcome::delivered(task);
                let receipt = task.receipt_after(immediate, integration);
                self.complete_delivery(task, lease, outcome, DeliveryRecord { receipt, ..DeliveryRecord::default() })
                    .await
            }
            AttemptResult::Failed(Failure::OutcomeUnknown(cause)) => {
                self.end_unknown(task, integration, lease, cause).await
            }
            AttemptResult::Failed(failure) => self.fail(task, lease, failure, None).await,
            AttemptResult::Retry { error, .. } if task.is_typing() => {
                self.fail(task, lease, Failure::Dropped, Some(error.to_string())).await
            }
            AttemptResult::Retry { error, retry_after } => {
                let reason = error.to_string();
                let backoff = backoff::delay(task.attempt(lease), fastrand::f64());
                let remaining =
                    remaining_delivery_time(task.envelope.due_since(), integration.destination.give_up_after());
                let Some(after) = next_retry_delay(backoff, retry_after, remaining) else {
                    return self.fail(task, lease, Failure::Expired(error.reason_code()), Some(reason)).await;
                };
                let failed = task.failed_attempt(lease, &reason, after, integration.destination.give_up_after());
                let release = self.release_failed(lease, Acceptance::Possible, &failed, task.context);
                let (released, ()) = tokio::join!(release, self.refresh_after(&error, integration));
                if let Err(error) = released {
                    tracing::error!(reason = %error, "the lease could not be released");
                }
                Outcome::RetryScheduled { reason, status: error.status(), after }
            }
        }
    }

    async fn attempt(&self, task: &Task<'_>, config: &DeliveryConfig) -> (AttemptResult, Answer) {
        let Ok(body) = DeliveryPayload::new(task.envelope, &task.message).to_body() else {
            return (AttemptResult::NOT_SERIALIZED, Answer::None);
        };
        let (id, trace_id) = (&*task.id.to_string(), task.envelope.trace_id.as_ref());
        let request = WebhookRequest { id, trace_id, body };
        let timeout = task.context.attempt_timeout(config.timeout);
        attempt(&self.messaging_service, config, request, timeout).await
    }

    /// Reloads the configuration if the messaging service did not accept the signature, or the channel the credentials: the
    /// secret may have been changed, and the next attempt uses the new one. The store reloads at most once in ten seconds. If
    /// it fails, the cached configuration is used.
    async fn refresh_after(&self, error: &AttemptError, integration: &Arc<Integration>) {
        let is_refused = match error {
            AttemptError::Status(status) => matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
            AttemptError::Credentials(_) => true,
            _ => false,
        };
        if is_refused {
            let _ = self.integrations.refresh_if_stale(integration).await;
        }
    }

    pub(crate) async fn fail(
        &self,
        task: &Task<'_>,
        lease: &Lease,
        failure: Failure,
        error: Option<String>,
    ) -> Outcome {
        let record = failure.record(error.as_deref().map(bounded).map(Cow::into_owned));
        self.complete_delivery(task, lease, Outcome::Failed(failure), record).await
    }

    /// Records the outcome in the ledger, and does what follows from it.
    ///
    /// If recording fails, the message leaves the queue nevertheless, unless the follow-up fails too: it has been delivered
    /// or refused. A duplicate that arrives after the lease has expired is delivered again, with the same `webhook-id`.
    pub(crate) async fn complete_delivery(
        &self,
        task: &Task<'_>,
        lease: &Lease,
        outcome: Outcome,
        mut record: DeliveryRecord,
    ) -> Outcome {
        if !task.expects_receipt() {
            record.receipt = None;
        }
        let ledger_outcome = match outcome {
            Outcome::Failed(_) | Outcome::IntegrationRemoved(_) => ledger::Outcome::Failed,
            _ => ledger::Outcome::Succeeded,
        };
        let response = record.to_stored();
        if let Err(error) = self.complete(lease, task.context, ledger_outcome, response.as_deref()).await {
            tracing::error!(reason = %error, "the outcome could not be recorded");
        }
        self.follow_up(task, outcome, ledger_outcome, lease.attempt(), &record).await
    }

    /// Parks the message if it failed, and enqueues the receipt that is due. The message stays on the queue until both have
    /// succeeded. Both can be repeated without harm.
    async fn follow_up(
        &self,
        task: &Task<'_>,
        outcome: Outcome,
        ledger_outcome: ledger::Outcome,
        attempts: u64,
        record: &DeliveryRecord,
    ) -> Outcome {
        let park = async {
            match ledger_outcome {
                ledger::Outcome::Failed => self.park(task, attempts, record).await,
                ledger::Outcome::Succeeded | ledger::Outcome::Unknown => Ok(()),
            }
        };
        let (parked, enqueued) = tokio::join!(park, self.enqueue_receipt(task, record));
        if let Err(error) = &parked {
            tracing::error!(reason = %error, "the failed message could not be parked");
        }
        if let Err(error) = &enqueued {
            tracing::error!(reason = %error, "the receipt could not be enqueued");
        }
        if parked.and(enqueued).is_ok() {
            return outcome;
        }
        Outcome::FollowUpFailed { outcome: Box::new(outcome), after: task.context.delay_after_internal_error() }
    }

    /// Keeps a failed message for replays. A typing event is of no use later.
    async fn park(&self, task: &Task<'_>, attempts: u64, record: &DeliveryRecord) -> Result<(), SendError> {
        if task.is_typing() {
            return Ok(());
        }
        self.parking.park(|| task.to_parked(attempts, record)).await
    }

    async fn enqueue_receipt(&self, task: &Task<'_>, record: &DeliveryRecord) -> Result<(), SendError> {
        match record.due_receipt(task.envelope, &task.message) {
            Some(receipt) => self.queue.send_receipt(&receipt).await,
            None => Ok(()),
        }
    }
}

/// The outcome of a message whose endpoint's circuit is open until then. A typing event is of no use later.
fn wait(task: &Task<'_>, until: Timestamp, remaining: Duration) -> Outcome {
    if task.is_typing() {
        return Outcome::Dropped(CIRCUIT_OPEN);
    }
    let delay = backoff::delay_while_open(until, task.context.receive_count, fastrand::f64());
    Outcome::CircuitOpen { after: delay.min(remaining) }
}
