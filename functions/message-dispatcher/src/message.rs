//! One message: claim it, deliver it, record the outcome, park it where it failed, and put the receipt on the queue.

use crate::backoff;
use crate::delivery::{Attempt, Cause};
use crate::dispatcher::{Dispatcher, Reception, Turn, Verdict, Without, next_wait, time_left};
use crate::end::End;
use crate::failure::Failure;
use crate::immediate_receipt::ImmediateReceipt;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use shared::delivery::envelope::{Envelope, Origin};
use shared::delivery::parking::{ParkedMessage, Parking};
use shared::delivery::payload::{Delivery, webhook_id};
use shared::delivery::queue::SendError;
use shared::delivery::record::{Record, RecordedReceipt};
use shared::digest::Digest;
use shared::integration::{CardRoute, Integration, ReceiptMode};
use shared::ledger::{self, Bid, Claim, Claimed, Lapsed, LedgerError, Outcome, Settled};
use shared::limits::bounded;
use shared::model::card::TraceCode;
use shared::model::message::{Content, Message, MessageKind};
use shared::model::receipt::{DeliveryStatus, ReportedOutcome};
use shared::model::trace_id::TraceId;
use shared::observability::metrics::Event;
use std::error::Error;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{Instrument, Span, error_span};

/// Why a message is kept whose integration is gone.
const ORPHANED: &str = "orphaned";

/// One message on its way.
pub(crate) struct Task<'t> {
    pub(crate) envelope: &'t Envelope,
    pub(crate) message: &'t Message,
    pub(crate) webhook_id: String,
    pub(crate) reception: Reception<'t>,
    pub(crate) began_at: Instant,
}

impl Dispatcher {
    /// Dispatches a message, and tells how that ended.
    pub(crate) async fn dispatch_message(&self, envelope: &Envelope, reception: Reception<'_>) -> Verdict {
        let message = match envelope.message() {
            Ok(message) => message,
            Err(fault) => {
                Event::Retried(&envelope.integration).emit();
                let (request_id, integration) = (reception.request_id, envelope.integration.as_str());
                tracing::error!(request_id, integration, outcome = "retry", reason = %fault);
                return reception.retry_later();
            }
        };
        let webhook_id = webhook_id(&envelope.integration, &message);
        let task = Task { envelope, message: &message, webhook_id, reception, began_at: Instant::now() };
        let span = task.span();
        let (end, verdict) = self.attend(&task).instrument(span.clone()).await;
        span.in_scope(|| end.tell(&task));
        verdict
    }

    async fn attend(&self, task: &Task<'_>) -> (End, Verdict) {
        if task.is_stale(Timestamp::now()) {
            return (End::Dropped("stale typing event"), Verdict::Settled);
        }
        let integration = match self.integration(&task.envelope.integration, task.envelope.due_since()).await {
            Ok(integration) => integration,
            Err(Without::ForNow(error)) => return (End::troubled(&error), task.reception.retry_without(&error)),
            Err(Without::ForGood(error)) => {
                let orphaned = Record { reason: Some(ORPHANED.to_owned()), ..Record::default() };
                return (End::Orphaned(error.to_string()), self.follow_up(task, 0, Outcome::Failed, &orphaned).await);
            }
        };
        let processed = self.claim_and_deliver(task, &integration).await;
        processed.unwrap_or_else(|error| (End::troubled(&error), task.reception.retry_soon()))
    }

    async fn claim_and_deliver(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
    ) -> Result<(End, Verdict), LedgerError> {
        let identity = task.message.deduplication_id(&integration.name);
        let key = ledger::key::delivery(&integration.name, identity.as_str());
        // Before the claim, which counts as an attempt to deliver.
        let is_text_trace = self.is_text_trace(task, integration, &identity).await?;
        match self.turn(&key, task.replay_id(), task.reception).await? {
            Turn::Ours(claim) if is_text_trace => {
                let end = End::Dropped("text trace of a card");
                Ok((end, self.settle(task, &claim, Outcome::Done, Record::text_trace()).await))
            }
            Turn::Ours(claim) => Ok(self.deliver(task, integration, &claim).await),
            Turn::Done(settled) => {
                // It may be a retry because it was not parked, or its receipt did not get onto the queue. One that failed
                // may have been a dead letter since, whose receives count from one again.
                let record = Record::read(settled.answer.as_deref());
                let unfinished = task.reception.receives > 1 || settled.outcome == Outcome::Failed;
                let same = settled.replay.as_deref() == task.replay_id();
                let attempts = settled.attempts;
                let verdict = if unfinished && same {
                    self.follow_up(task, attempts, settled.outcome, &record).await
                } else {
                    Verdict::Settled
                };
                Ok((End::Duplicate, verdict))
            }
            Turn::Not(verdict) => Ok((End::Busy, verdict)),
        }
    }

    /// Whether it is the text of a card that the customer gets, or has got, as a card. Each code counts once: what comes
    /// with it in another message is a copy that somebody sent. A code that is not ours may be made with a secret that we
    /// have not read yet; where that cannot be found out, the text is delivered.
    async fn is_text_trace(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        identity: &Digest,
    ) -> Result<bool, LedgerError> {
        let code = match integration.cards {
            CardRoute::MessagingService { text_trace: true } => task.trace_code(),
            _ => None,
        };
        let Some(code) = code else { return Ok(false) };
        let check = |integration: &Integration| {
            let ours = integration.trace_keys().any(|key| code.is_made_with(&key));
            if ours { Ok(()) } else { Err(()) }
        };
        let checked = self.integrations.with_refresh(Arc::clone(integration), check, |()| true).await;
        if !matches!(checked, Ok(Ok(_))) {
            return Ok(false);
        }
        let (key, now) = (ledger::key::text_trace(&integration.name, code.as_str()), Timestamp::now());
        let fingerprint = Some(identity.as_str());
        match self.ledger.claim(Bid { key: &key, now, until: now, fingerprint, lapsed: Lapsed::TakeOver }).await? {
            Claimed::Won(claim) => {
                self.ledger.complete(&claim, now, Outcome::Done, None).await?;
                Ok(true)
            }
            Claimed::Settled(Settled { fingerprint: of, .. }) | Claimed::InProgress { fingerprint: of, .. } => {
                Ok(of.as_deref() == fingerprint)
            }
        }
    }

    async fn deliver(&self, task: &Task<'_>, integration: &Arc<Integration>, claim: &Claim) -> (End, Verdict) {
        let attempt = match Delivery::new(task.envelope, task.message).to_body() {
            Ok(body) => {
                let (id, trace_id, patience) =
                    (&task.webhook_id, task.envelope.trace_id.as_ref(), task.reception.patience());
                self.messaging_service.deliver(&integration.delivery, id, trace_id, body, patience).await
            }
            Err(_) => Attempt::Retry { cause: Cause::Unwritable, retry_after: None },
        };
        match attempt {
            Attempt::Accepted(immediate) => {
                let end = End::Delivered(task.age().try_into().unwrap_or_default());
                let receipt = task.receipt_after(immediate, integration);
                (end, self.settle(task, claim, Outcome::Done, Record { receipt, ..Record::default() }).await)
            }
            Attempt::Refused(refusal) => self.fail(task, claim, Failure::Refused(refusal)).await,
            Attempt::Retry { .. } if task.is_typing() => self.fail(task, claim, Failure::Dropped).await,
            Attempt::Retry { cause, retry_after } => {
                let backoff = backoff::after(task.attempt(claim), fastrand::f64());
                let left = time_left(task.envelope.due_since(), integration.delivery.give_up_after);
                match next_wait(backoff, retry_after, left) {
                    None => self.fail(task, claim, Failure::Expired).await,
                    Some(wait) => {
                        let release = self.release(claim, task.reception);
                        let (released, ()) = tokio::join!(release, self.renew_after(&cause, integration));
                        if let Err(error) = released {
                            task.log_trouble(&error, "the claim could not be given back");
                        }
                        (End::Retried(cause.to_string()), Verdict::ComeAgain(wait))
                    }
                }
            }
        }
    }

    /// Where the messaging service does not take our signature, its secret may have been changed: the next attempt signs
    /// with what is configured now. One such read is made in ten seconds; when it fails, what is known serves on.
    async fn renew_after(&self, cause: &Cause, integration: &Arc<Integration>) {
        if matches!(cause, Cause::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) {
            let _ = self.integrations.refreshed(integration).await;
        }
    }

    async fn fail(&self, task: &Task<'_>, claim: &Claim, failure: Failure) -> (End, Verdict) {
        (End::Failed(failure), self.settle(task, claim, Outcome::Failed, failure.record()).await)
    }

    /// Records the outcome, and then what follows from it.
    ///
    /// When recording fails, the message leaves the queue all the same, unless what follows fails too: it has been
    /// delivered or refused, and when it comes after the lease it is delivered again, under the same `webhook-id`.
    async fn settle(&self, task: &Task<'_>, claim: &Claim, outcome: Outcome, mut record: Record) -> Verdict {
        if !task.message.expects_receipt() || task.envelope.origin == Origin::Card {
            record.receipt = None;
        }
        let answer = record.to_answer();
        if let Err(error) = self.complete(claim, task.reception, outcome, answer.as_deref()).await {
            task.log_trouble(&error, "the outcome could not be recorded");
        }
        self.follow_up(task, claim.version(), outcome, &record).await
    }

    /// Makes durable what follows from the outcome: the failed message is parked, and the receipt that is due put on the
    /// queue. The message stays on the queue until both have worked, and both do no harm when they are done again.
    async fn follow_up(&self, task: &Task<'_>, attempts: u64, outcome: Outcome, record: &Record) -> Verdict {
        let park = self.park(task, attempts, outcome, record);
        let (parked, announced) = tokio::join!(park, self.announce(task, record));
        if let Err(error) = &parked {
            task.log_trouble(error, "the failed message is not parked");
        }
        if let Err(error) = &announced {
            task.log_trouble(error, "the receipt is not on the queue");
        }
        if parked.and(announced).is_ok() { Verdict::Settled } else { task.reception.retry_soon() }
    }

    /// Keeps the message where it has failed. A typing event is worth nothing later.
    async fn park(&self, task: &Task<'_>, attempts: u64, outcome: Outcome, record: &Record) -> Result<(), SendError> {
        if outcome != Outcome::Failed || task.is_typing() {
            return Ok(());
        }
        match &self.parking {
            Parking::On(queue) => queue.park(&task.parked(attempts, record)?).await,
            Parking::Off => Ok(()),
            Parking::Unknown => Err(SendError::Unavailable("no parking queue is configured".to_owned())),
        }
    }

    /// Puts the receipt that is due, if any, on the queue, from which it is posted to the platform.
    async fn announce(&self, task: &Task<'_>, record: &Record) -> Result<(), SendError> {
        match record.receipt_for(task.envelope, task.message) {
            Some(receipt) => self.queue.send_receipt(&receipt).await,
            None => Ok(()),
        }
    }
}

impl Task<'_> {
    /// What every line about the message says.
    fn span(&self) -> Span {
        error_span!(
            "message",
            request_id = self.reception.request_id,
            integration = self.envelope.integration.as_str(),
            trace_id = self.envelope.trace_id.as_ref().map(TraceId::as_str),
            message_id = &*bounded(&self.message.message_id),
            conversation_id = self.message.conversation_id.as_deref().map(bounded).as_deref(),
            webhook_id = self.webhook_id,
            kind = self.message.kind.name(),
            replay_id = self.replay_id(),
        )
    }

    /// The code in it, if it looks like the text of a card and nothing more.
    fn trace_code(&self) -> Option<TraceCode<'_>> {
        match &self.message.kind {
            MessageKind::Text(Content { text: Some(text), content, .. }) if content.is_empty() => TraceCode::find(text),
            _ => None,
        }
    }

    /// Whether it is a typing event whose time is over.
    fn is_stale(&self, now: Timestamp) -> bool {
        let MessageKind::Typing(typing) = &self.message.kind else { return false };
        let sent_at = self.message.sent_at().unwrap_or(self.envelope.received_at);
        let shown_for = i64::try_from(typing.duration_milliseconds).unwrap_or(i64::MAX);
        now.duration_since(sent_at) > SignedDuration::from_millis(shown_for)
    }

    fn is_typing(&self) -> bool {
        matches!(self.message.kind, MessageKind::Typing(_))
    }

    /// The id of the replay that it came by, if it is one.
    pub(crate) fn replay_id(&self) -> Option<&str> {
        self.envelope.replay.as_ref().map(|replay| replay.id.as_str())
    }

    /// Which attempt this is: of a replay, since it was asked for.
    fn attempt(&self, claim: &Claim) -> u64 {
        let before = self.envelope.replay.as_ref().map_or(0, |replay| replay.attempts_before);
        claim.version().saturating_sub(before).max(1)
    }

    /// What is kept of it. The place in the group is the one that it had before it failed for the first time.
    fn parked(&self, attempts: u64, record: &Record) -> Result<ParkedMessage, serde_json::Error> {
        let replay = self.envelope.replay.as_ref();
        let sequence_number = replay.and_then(|replay| replay.sequence_number.as_deref());
        Ok(ParkedMessage {
            webhook_id: self.webhook_id.clone(),
            reason: record.reason.clone().unwrap_or_default(),
            status: record.status,
            failed_at: Timestamp::now(),
            attempts,
            group: self.reception.group.to_owned(),
            sequence_number: sequence_number.or(self.reception.sequence_number).map(str::to_owned),
            envelope: RawValue::from_string(self.reception.body.to_owned())?,
        })
    }

    /// The receipt that is due once the messaging service has accepted the message. One in its answer counts before the
    /// configuration does, and where it cannot be read the outcome is not known, so that none is due.
    fn receipt_after(&self, immediate: ImmediateReceipt, integration: &Integration) -> Option<RecordedReceipt> {
        if !self.message.expects_receipt() {
            return None;
        }
        match (immediate, integration.delivery.receipts) {
            (ImmediateReceipt::Reported(ReportedOutcome { status, reasons, is_final }), _) => {
                let status = integration.platform.name().receipt_status(status)?;
                Some(RecordedReceipt { status, reasons, is_final })
            }
            (ImmediateReceipt::Unreadable(why), _) => {
                self.log_unreadable_receipt(&why);
                None
            }
            (ImmediateReceipt::None, ReceiptMode::OnAccept) => {
                Some(RecordedReceipt::final_with(DeliveryStatus::Delivered))
            }
            (ImmediateReceipt::None, ReceiptMode::Explicit) => None,
        }
    }

    fn log_unreadable_receipt(&self, reason: &str) {
        Event::UnreadableReceipt(&self.envelope.integration).emit();
        let (request_id, integration) = (self.reception.request_id, self.envelope.integration.as_str());
        let (message_id, webhook_id) = (&*bounded(&self.message.message_id), &self.webhook_id);
        tracing::warn!(request_id, integration, message_id, webhook_id, outcome = "unreadable receipt", reason);
    }

    /// How long ago it was received.
    pub(crate) fn age(&self) -> SignedDuration {
        Timestamp::now().duration_since(self.envelope.received_at)
    }

    fn log_trouble(&self, error: &dyn Error, what: &'static str) {
        let (request_id, integration) = (self.reception.request_id, self.envelope.integration.as_str());
        let (message_id, webhook_id) = (&*bounded(&self.message.message_id), &self.webhook_id);
        tracing::error!(request_id, integration, message_id, webhook_id, reason = %error, "{what}");
    }
}
