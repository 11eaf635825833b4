//! One message: claim it, deliver it, record what came of it, and see that the platform hears of it.

use crate::backoff;
use crate::delivery::{Attempt, Cause};
use crate::dispatcher::{Dispatcher, Reception, Turn, Verdict, next_wait, time_left};
use crate::failure::Failure;
use crate::record::{Record, RecordedReceipt};
use jiff::{SignedDuration, Timestamp};
use shared::card::text_trace_code;
use shared::delivery::{Delivery, webhook_id};
use shared::envelope::{Envelope, Origin};
use shared::identity::Identity;
use shared::integration::{CardRoute, Integration, ReceiptMode};
use shared::ledger::{Bid, Claim, Claimed, Lapsed, LedgerError, Outcome, Settled};
use shared::message::{Content, Kind, Message};
use shared::receipt::DeliveryStatus;
use shared::trace::TraceId;
use std::error::Error;

/// One message on its way.
struct Task<'t> {
    envelope: &'t Envelope,
    message: &'t Message,
    reception: Reception,
}

impl Dispatcher {
    /// Dispatches a message.
    pub(crate) async fn dispatch_message(&self, envelope: &Envelope, reception: Reception) -> Verdict {
        let message = match envelope.message() {
            Ok(message) => message,
            Err(fault) => {
                tracing::error!(integration = %envelope.integration, outcome = "retry", reason = %fault);
                return reception.come_again();
            }
        };
        let task = Task { envelope, message: &message, reception };
        if task.is_stale(Timestamp::now()) {
            task.log("dropped", "stale typing event");
            return Verdict::Settled;
        }
        let name = &envelope.integration;
        let integration = match self.integration(name, &message.message_id, envelope.received_at, reception).await {
            Ok(integration) => integration,
            Err(verdict) => return verdict,
        };
        self.claim_and_deliver(&task, &integration).await.unwrap_or_else(|error| {
            task.log_trouble("retry", &error);
            reception.come_again()
        })
    }

    async fn claim_and_deliver(&self, task: &Task<'_>, integration: &Integration) -> Result<Verdict, LedgerError> {
        let identity = task.message.identity(&integration.name);
        let key = format!("delivery#{}#{identity}", integration.name);
        match self.turn(&key, task.reception).await? {
            Turn::Ours(claim) => match self.is_text_trace(task, integration, &identity).await {
                Ok(false) => Ok(self.deliver(task, integration, &claim).await),
                Ok(true) => {
                    task.log("dropped", "text trace of a card");
                    Ok(self.settle(task, &claim, Outcome::Done, Record::default()).await)
                }
                Err(error) => {
                    self.ledger.release(&claim, Timestamp::now()).await?;
                    Err(error)
                }
            },
            Turn::Done(settled) => {
                task.log("duplicate", "already settled");
                // It may be here again because its receipt did not get onto the queue.
                let record = Record::read(settled.answer.as_deref());
                if task.reception.receives > 1 { Ok(self.announce(task, &record).await) } else { Ok(Verdict::Settled) }
            }
            Turn::Not(verdict) => {
                task.log("retry", "another worker has it");
                Ok(verdict)
            }
        }
    }

    /// Whether it is the text of a card that the customer gets, or has got, as a card. Each code counts once: what comes
    /// with it in another message is a copy that somebody sent.
    async fn is_text_trace(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        identity: &Identity,
    ) -> Result<bool, LedgerError> {
        let code = match integration.cards {
            CardRoute::MessagingService { text_trace: true } => task.text_trace_code(),
            _ => None,
        };
        let Some(code) = code else { return Ok(false) };
        let (key, now) = (format!("text-trace#{}#{code}", integration.name), Timestamp::now());
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

    async fn deliver(&self, task: &Task<'_>, integration: &Integration, claim: &Claim) -> Verdict {
        let attempt = match Delivery::new(task.envelope, task.message).to_body() {
            Ok(body) => {
                let id = webhook_id(&integration.name, task.message);
                let (trace_id, patience) = (task.envelope.trace_id.as_ref(), task.reception.patience());
                self.messaging_service.deliver(&integration.delivery, &id, trace_id, body, patience).await
            }
            Err(_) => Attempt::Retry { cause: Cause::Unwritable, retry_after: None },
        };
        match attempt {
            Attempt::Accepted(immediate) => {
                task.log("delivered", "");
                let receipt = match (immediate, integration.delivery.receipts) {
                    (Some(receipt), _) => {
                        let status = integration.platform.name().receipt_status(receipt.status);
                        status.map(|status| RecordedReceipt { status, reasons: receipt.reasons })
                    }
                    (None, ReceiptMode::OnAccept) => {
                        Some(RecordedReceipt { status: DeliveryStatus::Delivered, reasons: Vec::new() })
                    }
                    (None, ReceiptMode::Explicit) => None,
                };
                self.settle(task, claim, Outcome::Done, Record { receipt, ..Record::default() }).await
            }
            Attempt::Refused(status) => self.fail(task, claim, Failure::Refused(status)).await,
            Attempt::Retry { .. } if matches!(task.message.kind, Kind::Typing(_)) => {
                self.fail(task, claim, Failure::Dropped).await
            }
            Attempt::Retry { cause, retry_after } => {
                let backoff = backoff::after(claim.version(), fastrand::f64());
                let left = time_left(task.envelope.received_at, integration.delivery.give_up_after);
                match next_wait(backoff, retry_after, left) {
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
        failure.log(&task.envelope.integration, task.message);
        self.settle(task, claim, Outcome::Failed, Record::of(failure)).await
    }

    /// Records the outcome, and then sees that the platform hears of it.
    ///
    /// When recording fails, the message leaves the queue all the same, unless its receipt cannot be queued either: it has
    /// been delivered or refused, and when it comes after the lease it is delivered again, under the same `webhook-id`.
    async fn settle(&self, task: &Task<'_>, claim: &Claim, outcome: Outcome, mut record: Record) -> Verdict {
        if !task.message.expects_receipt() || task.envelope.origin == Origin::Card {
            record.receipt = None;
        }
        let answer = record.to_answer();
        if let Err(error) = self.ledger.complete(claim, Timestamp::now(), outcome, answer.as_deref()).await {
            task.log_trouble("not recorded", &error);
        }
        self.announce(task, &record).await
    }

    /// Puts the receipt that is due, if any, on the queue, whence it is posted to the platform. The message stays until
    /// that has worked.
    async fn announce(&self, task: &Task<'_>, record: &Record) -> Verdict {
        let Some(receipt) = record.receipt_for(task.envelope, task.message) else { return Verdict::Settled };
        match self.queue.send_receipt(&receipt).await {
            Ok(()) => Verdict::Settled,
            Err(error) => {
                task.log_trouble("receipt not on the queue", &error);
                task.reception.come_again()
            }
        }
    }
}

impl Task<'_> {
    /// The code in it, if it looks like the text of a card and nothing more.
    fn text_trace_code(&self) -> Option<&str> {
        match &self.message.kind {
            Kind::Text(Content { text: Some(text), content, .. }) if content.is_empty() => text_trace_code(text),
            _ => None,
        }
    }

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

    fn log(&self, outcome: &str, reason: &str) {
        let (integration, message_id) = (self.envelope.integration.as_str(), &self.message.message_id);
        let (kind, age_seconds) = (self.message.kind.name(), self.age().as_secs_f64());
        let trace_id = self.envelope.trace_id.as_ref().map(TraceId::as_str);
        tracing::info!(integration, message_id, trace_id, kind, outcome, reason, age_seconds);
    }

    fn log_trouble(&self, outcome: &str, error: &dyn Error) {
        let (integration, message_id) = (self.envelope.integration.as_str(), &self.message.message_id);
        let trace_id = self.envelope.trace_id.as_ref().map(TraceId::as_str);
        tracing::error!(integration, message_id, trace_id, outcome, reason = %error);
    }
}
