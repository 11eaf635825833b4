//! A message on its way to the messaging service, and how its record was received from the queue.

use crate::backoff;
use crate::immediate_receipt::ImmediateReceipt;
use crate::record::{Lane, Record};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use shared::aws::OPERATION_TIMEOUT;
use shared::aws::retry::time_until;
use shared::delivery::envelope::{Envelope, EnvelopeOrigin, Replay};
use shared::delivery::id::DeliveryId;
use shared::delivery::parking::ParkedMessage;
use shared::delivery::record::{DeliveryRecord, RecordedReceipt};
use shared::http_client::TIMEOUT;
use shared::integration::{Integration, ReceiptMode};
use shared::ledger::{CLOCK_SKEW, FailedAttempt, Lease};
use shared::limits::bounded;
use shared::model::card::TraceCode;
use shared::model::message::{Content, Message, MessageKind};
use shared::model::receipt::{DeliveryStatus, ReportedOutcome};
use shared::model::trace_id::TraceId;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Span, error_span};

/// What must remain of the invocation's time after an attempt: one write to the ledger, and then one call to each queue at
/// the same time.
pub(crate) const COMPLETION_TIME: Duration = OPERATION_TIMEOUT.saturating_mul(2);

/// How a record was received from the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceiveContext<'r> {
    pub(crate) body: &'r str,
    /// The message group on the queue.
    pub(crate) group: &'r str,
    /// On the direct lane.
    pub(crate) sequence_number: Option<&'r str>,
    /// How many times the record has been received on its lane, with this one.
    pub(crate) receive_count: u64,
    pub(crate) lane: Lane,
    /// When the invocation ends.
    pub(crate) deadline: Timestamp,
}

impl<'r> ReceiveContext<'r> {
    pub(crate) fn new(record: &'r Record, deadline: Timestamp) -> Self {
        Self {
            body: record.body(),
            group: record.group(),
            sequence_number: record.moved.sequence_number.as_deref(),
            receive_count: record.receive_count(),
            lane: record.lane,
            deadline,
        }
    }

    /// Whether this is the first time that the message is received.
    pub(crate) fn is_first(self) -> bool {
        self.lane == Lane::Direct && self.receive_count <= 1
    }

    /// Whether there is time for an attempt and for recording its outcome.
    pub(crate) fn has_time(self) -> bool {
        time_until(self.deadline) >= TIMEOUT + COMPLETION_TIME
    }

    /// How long an attempt may take that is configured to take `timeout`.
    pub(crate) fn attempt_timeout(self, timeout: Duration) -> Duration {
        time_until(self.deadline).saturating_sub(COMPLETION_TIME).min(timeout)
    }

    /// When a lease expires that is acquired now: a little after the invocation.
    pub(crate) fn lease_end(self) -> Timestamp {
        self.deadline.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX)
    }

    /// The retry delay if an AWS service is unavailable: seconds.
    pub(crate) fn delay_after_internal_error(self) -> Duration {
        backoff::delay_after_internal_error(self.receive_count, fastrand::f64())
    }

    /// The retry delay if another version or an operator has to fix something: longer each time.
    pub(crate) fn backoff(self) -> Duration {
        backoff::delay(self.receive_count, fastrand::f64())
    }

    /// What the ledger records of a failed attempt: the next one is made `after` that time.
    pub(crate) fn failed_attempt(self, lease: &Lease, reason: &str, after: Duration, work: Work<'_>) -> FailedAttempt {
        let at = Timestamp::now();
        FailedAttempt {
            attempt: lease.attempt(),
            at,
            reason: bounded(reason).into_owned(),
            next_attempt_at: at.saturating_add(after).unwrap_or(Timestamp::MAX),
            gives_up_at: work.gives_up_at,
            received_at: work.received_at,
            kind: work.kind.to_owned(),
            message_id: bounded(work.message_id).into_owned(),
            conversation_id: work.conversation_id.map(|id| bounded(id).into_owned()),
            group: self.group.to_owned(),
        }
    }

    /// What the parking queue keeps of the record. A replay that failed keeps the sequence number of the first failure.
    pub(crate) fn to_parked(
        self,
        id: &DeliveryId,
        replay: Option<&Replay>,
        attempts: u64,
        record: &DeliveryRecord,
    ) -> Result<ParkedMessage, serde_json::Error> {
        let sequence_number = replay.and_then(|replay| replay.sequence_number.as_deref());
        Ok(ParkedMessage {
            webhook_id: id.to_string(),
            reason: record.reason.clone().unwrap_or_default(),
            status: record.status,
            error: record.error.clone(),
            failed_at: record.at.unwrap_or_else(Timestamp::now),
            attempts,
            group: self.group.to_owned(),
            sequence_number: sequence_number.or(self.sequence_number).map(str::to_owned),
            envelope: RawValue::from_string(self.body.to_owned())?,
        })
    }
}

/// The number of an attempt. A replay starts at 1 again.
pub(crate) fn attempt(lease: &Lease, replay: Option<&Replay>) -> u64 {
    let before = replay.map_or(0, |replay| replay.attempts_before);
    lease.attempt().saturating_sub(before).max(1)
}

/// A message or a receipt, as far as the ledger records it with a failed attempt.
pub(crate) struct Work<'w> {
    pub(crate) received_at: Timestamp,
    pub(crate) gives_up_at: Timestamp,
    pub(crate) kind: &'w str,
    pub(crate) message_id: &'w str,
    pub(crate) conversation_id: Option<&'w str>,
}

/// A message on its way to the messaging service.
pub(crate) struct Task<'t> {
    pub(crate) envelope: &'t Envelope,
    pub(crate) message: Message,
    pub(crate) id: DeliveryId,
    pub(crate) context: ReceiveContext<'t>,
    pub(crate) started_at: Instant,
}

impl<'t> Task<'t> {
    pub(crate) fn new(envelope: &'t Envelope, message: Message, context: ReceiveContext<'t>) -> Self {
        let id = DeliveryId::new(&envelope.integration, &message);
        Self { envelope, message, id, context, started_at: Instant::now() }
    }

    /// The span of everything that is logged about the message.
    pub(crate) fn span(&self) -> Span {
        error_span!(
            "message",
            integration = self.envelope.integration.as_str(),
            trace_id = self.envelope.trace_id.as_ref().map(TraceId::as_str),
            message_id = &*bounded(&self.message.message_id),
            conversation_id = self.message.conversation_id.as_deref().map(bounded).as_deref(),
            webhook_id = self.id.to_string(),
            kind = self.message.kind.name(),
            replay_id = self.replay_id(),
        )
    }

    /// The code of a text trace, if the message looks like one and has nothing else.
    pub(crate) fn trace_code(&self) -> Option<TraceCode<'_>> {
        match &self.message.kind {
            MessageKind::Text(Content { text: Some(text), content, .. }) if content.is_empty() => TraceCode::find(text),
            _ => None,
        }
    }

    /// Whether the platform gets a receipt. It accepts none for a card under an id of ours.
    pub(crate) fn expects_receipt(&self) -> bool {
        self.message.expects_receipt() && self.envelope.origin != EnvelopeOrigin::Card
    }

    pub(crate) fn is_typing(&self) -> bool {
        matches!(self.message.kind, MessageKind::Typing(_))
    }

    /// Whether it is a typing event that is no longer shown.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        let MessageKind::Typing(typing) = &self.message.kind else { return false };
        let sent_at = self.message.sent_at().unwrap_or(self.envelope.received_at);
        let shown_for = i64::try_from(typing.duration_milliseconds).unwrap_or(i64::MAX);
        now.duration_since(sent_at) > SignedDuration::from_millis(shown_for)
    }

    /// How long ago the message was received.
    pub(crate) fn age(&self) -> SignedDuration {
        Timestamp::now().duration_since(self.envelope.received_at)
    }

    /// The id of the replay, if the message is one.
    pub(crate) fn replay_id(&self) -> Option<&str> {
        self.envelope.replay.as_ref().map(|replay| replay.id.as_str())
    }

    pub(crate) fn attempt(&self, lease: &Lease) -> u64 {
        attempt(lease, self.envelope.replay.as_ref())
    }

    /// What the ledger records of a failed attempt: the next one is made `after` that time.
    pub(crate) fn failed_attempt(
        &self,
        lease: &Lease,
        reason: &str,
        after: Duration,
        give_up_after: Duration,
    ) -> FailedAttempt {
        let work = Work {
            received_at: self.envelope.received_at,
            gives_up_at: self.envelope.due_since().saturating_add(give_up_after).unwrap_or(Timestamp::MAX),
            kind: self.message.kind.name(),
            message_id: &self.message.message_id,
            conversation_id: self.message.conversation_id.as_deref(),
        };
        self.context.failed_attempt(lease, reason, after, work)
    }

    pub(crate) fn to_parked(&self, attempts: u64, record: &DeliveryRecord) -> Result<ParkedMessage, serde_json::Error> {
        self.context.to_parked(&self.id, self.envelope.replay.as_ref(), attempts, record)
    }

    /// The receipt that is due when the messaging service has accepted the message. A receipt in the response takes
    /// precedence over the configuration. If it cannot be parsed, the outcome is unknown and no receipt is due.
    pub(crate) fn receipt_after(
        &self,
        immediate: ImmediateReceipt,
        integration: &Integration,
    ) -> Option<RecordedReceipt> {
        if !self.message.expects_receipt() {
            return None;
        }
        match (immediate, integration.destination.receipts()) {
            (ImmediateReceipt::Reported(ReportedOutcome { status, reasons, is_final }), _) => {
                let status = integration.platform.name().receipt_status(status)?;
                Some(RecordedReceipt { status, reasons, is_final })
            }
            (ImmediateReceipt::Unreadable(reason), _) => {
                let emf = Emf::of([Event::UnreadableReceipt(&self.envelope.integration)]);
                tracing::warn!(%emf, outcome = "unreadable_receipt", reason);
                None
            }
            (ImmediateReceipt::None, ReceiptMode::OnAccept) => {
                Some(RecordedReceipt::final_with(DeliveryStatus::Delivered))
            }
            (ImmediateReceipt::None, ReceiptMode::Explicit) => None,
        }
    }
}
