//! Sending a message through a channel: each part once, in order.

use crate::attempt::{AttemptError, AttemptResult};
use crate::circuits::Answer;
use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::immediate_receipt::ImmediateReceipt;
use crate::task::Task;
use jiff::Timestamp;
use shared::aws::retry::retry_transient;
use shared::channel::offer::{Offer, offer_key};
use shared::channel::{ChannelConfig, ChannelMessage, ChannelPart, SendError, Template, Unsupported};
use shared::http_client::TIMEOUT;
use shared::integration::Integration;
use shared::ledger::{self, Lease, LedgerError, Replacement, StoredOffer};
use shared::model::message::{Block, FallbackText, Intent, Message, MessageKind, Party};
use shared::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, Recipient};
use std::time::Duration;
use tokio::time::Instant;

/// How long an attempt may take, with all parts.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// What a channel does with a message.
pub(crate) enum Form {
    Message,
    Typing,
    /// It is a message for the customer, and of a kind that channels cannot send.
    Unsupported,
    /// It informs a messaging service.
    NotForCustomers,
}

impl Form {
    pub(crate) fn of(message: &Message) -> Self {
        let is_to_send = matches!(message.intent, Intent::Send | Intent::SendUntracked);
        match &message.kind {
            MessageKind::Typing(_) => Self::Typing,
            MessageKind::Text(_) | MessageKind::Structured(_) if is_to_send && message.public.is_none() => {
                Self::Message
            }
            kind if is_to_send && kind.expects_receipt() => Self::Unsupported,
            _ => Self::NotForCustomers,
        }
    }
}

/// A message in the channel's form.
struct Rendered<'m> {
    parts: Vec<ChannelPart>,
    /// The customer's address in the channel.
    address: String,
    blocks: &'m [Block],
}

impl Dispatcher {
    /// Sends the parts that earlier attempts have not sent.
    pub(crate) async fn send_through_channel(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        channel: &ChannelConfig,
        lease: &Lease,
    ) -> (AttemptResult, Answer) {
        let deadline = Instant::now() + task.context.attempt_timeout(ATTEMPT_TIMEOUT);
        let customer = match self.customer(task, integration, channel).await {
            Ok(customer) => customer,
            Err(error) => return (retry(AttemptError::Channel(error.to_string()), None), Answer::None),
        };
        if task.is_typing() {
            if let Ok((_, address)) = customer {
                self.channels.show_typing(channel, &address, deadline).await;
            }
            return (AttemptResult::Accepted(ImmediateReceipt::None), Answer::None);
        }
        let rendered = match customer.and_then(|customer| render(task, channel, customer)) {
            Ok(rendered) => rendered,
            Err(Unsupported(sentence)) => return (AttemptResult::Failed(Failure::Unsupported(sentence)), Answer::None),
        };
        // Before the message is sent, so that no answer comes before it.
        let replaced = match self.record_offer(task, integration, channel, &rendered).await {
            Ok(replaced) => replaced,
            Err(error) => return (retry(AttemptError::Channel(error.to_string()), None), Answer::None),
        };
        let mut sent = lease.parts_sent();
        let (result, answer) = self.send_parts(task, channel, lease, &rendered.parts, &mut sent, deadline).await;
        let may_be_seen = sent > 0
            || matches!(result, AttemptResult::Accepted(_) | AttemptResult::Failed(Failure::OutcomeUnknown(_)));
        if let Some(replaced) = replaced.filter(|_| !may_be_seen) {
            self.restore_offer(&replaced).await;
        }
        (result, answer)
    }

    /// The customer as the platform knows them, and their address in the channel.
    async fn customer(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        channel: &ChannelConfig,
    ) -> Result<Result<(Recipient, String), Unsupported>, LedgerError> {
        let Some((to, phone)) = task.message.to.as_ref().and_then(recipient) else {
            return Ok(Err(Unsupported("The message does not name the customer.")));
        };
        let address = if integration.creates_contacts() {
            self.ledger.contact_address(&integration.name, &to.id).await?
        } else {
            Some(phone.filter(|_| channel.reaches_phones()).unwrap_or_else(|| to.id.clone()))
        };
        Ok(match address.map(|address| channel.canonical_address(address)) {
            Some(address) => Ok((to, address)),
            None => Err(Unsupported("The contact has not written through the channel, or not for a year.")),
        })
    }

    async fn send_parts(
        &self,
        task: &Task<'_>,
        channel: &ChannelConfig,
        lease: &Lease,
        parts: &[ChannelPart],
        sent: &mut usize,
        deadline: Instant,
    ) -> (AttemptResult, Answer) {
        let first = *sent;
        for (part, number) in parts.iter().zip(1..).skip(first) {
            if number > first + 1 && deadline.saturating_duration_since(Instant::now()) < TIMEOUT {
                let error = AttemptError::Channel("there was no time left for all parts".to_owned());
                return (retry(error, Some(Duration::ZERO)), Answer::Prompt);
            }
            if let Err(error) = self.channels.send(channel, part, deadline).await {
                return of_error(error);
            }
            *sent = number;
            if number == parts.len() {
                break;
            }
            let record = || self.ledger.record_parts_sent(lease, Timestamp::now(), number);
            if let Err(error) = retry_transient(task.context.deadline, record, LedgerError::is_transient).await {
                // A retry would send the part again.
                let cause = format!("a part was sent, and that could not be recorded: {error}");
                return (AttemptResult::Failed(Failure::OutcomeUnknown(cause)), Answer::Prompt);
            }
        }
        (AttemptResult::Accepted(ImmediateReceipt::None), Answer::Prompt)
    }

    /// Records what the message offers, so that an answer becomes a choice. Where options are numbered, a message without any
    /// withdraws the last offer: a number after it is a text.
    async fn record_offer(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        channel: &ChannelConfig,
        rendered: &Rendered<'_>,
    ) -> Result<Option<Replacement>, LedgerError> {
        let (name, now) = (&integration.name, Timestamp::now());
        let numbered = || ledger::key::last_offer(name, &rendered.address);
        let offer = Offer::new(&task.message.message_id, &rendered.address, rendered.blocks);
        match offer.and_then(|offer| channel.sealer().seal(Offer::KIND, &offer)) {
            Some(sealed) if channel.numbers_options() => self.ledger.put_offer(&numbered(), &sealed, now).await,
            Some(sealed) => {
                let key = ledger::key::offer(name, &offer_key(task.id.digest()));
                // Only the message's own buttons lead to it.
                self.ledger.put_offer(&key, &sealed, now).await.map(|_| None)
            }
            None if channel.numbers_options() => self.ledger.withdraw_offer(&numbered(), now).await,
            None => Ok(None),
        }
    }

    /// A message that failed for good after it was accepted was not seen: an answer is one to what was offered before.
    pub(crate) async fn restore_offer_of_failed(&self, integration: &Integration, receipt: &DeliveryReceipt) {
        let Some(channel) = integration.destination.channel().filter(|channel| channel.numbers_options()) else {
            return;
        };
        if receipt.status != DeliveryStatus::Failed {
            return;
        }
        let address = channel.canonical_address(receipt.to.id.clone());
        let key = ledger::key::last_offer(&integration.name, &address);
        match self.ledger.offer(&key, Timestamp::now()).await {
            Ok(Some(StoredOffer { sealed, replacement })) => {
                let offer: Option<Offer> = channel.sealer().open(Offer::KIND, &sealed);
                if offer.is_some_and(|offer| offer.message_id == receipt.message_id) {
                    self.restore_offer(&replacement).await;
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(reason = %error, "the options of a failed message could not be read"),
        }
    }

    /// If that fails, an answer to the earlier message is a text, or one to the options that were not seen.
    async fn restore_offer(&self, replaced: &Replacement) {
        if let Err(error) = self.ledger.restore_offer(replaced).await {
            tracing::warn!(reason = %error, "the options of the earlier message could not be restored");
        }
    }
}

fn render<'t>(
    task: &'t Task<'_>,
    channel: &ChannelConfig,
    (to, address): (Recipient, String),
) -> Result<Rendered<'t>, Unsupported> {
    let message = &task.message;
    if !matches!(Form::of(message), Form::Message) {
        return Err(Unsupported("The channel cannot send this kind of message."));
    }
    let blocks = message.fallback_text.as_ref().map(FallbackText::blocks).unwrap_or_default();
    if blocks.is_empty() {
        return Err(Unsupported("The message is empty."));
    }
    let template = match &message.kind {
        MessageKind::Structured(content) => Template::find(&content.content),
        _ => None,
    };
    let parts = channel.render(&ChannelMessage {
        digest: task.id.digest(),
        message_id: &message.message_id,
        to: &to,
        address: &address,
        blocks,
        template,
        expects_receipt: task.expects_receipt(),
    })?;
    Ok(Rendered { parts, address, blocks })
}

/// The customer as the platform knows them, and their phone number.
fn recipient(party: &Party) -> Option<(Recipient, Option<String>)> {
    let to = Recipient { id: party.id.clone()?, id_type: party.id_type.clone() };
    Some((to, party.phone.clone()))
}

/// What follows from an error, and how the channel answered.
fn of_error(error: SendError) -> (AttemptResult, Answer) {
    let text = error.to_string();
    match error {
        SendError::Refused { reason, code, message } => {
            let reason = FailureReason { code: reason, message };
            (AttemptResult::Failed(Failure::RefusedByChannel { reason, code }), Answer::Prompt)
        }
        SendError::Configuration { .. } => (retry(AttemptError::Credentials(text), None), Answer::Prompt),
        SendError::RateLimited { retry_after } => (retry(AttemptError::Channel(text), retry_after), Answer::Prompt),
        SendError::NotSent(_) => (retry(AttemptError::Channel(text), None), Answer::Prompt),
        SendError::OutcomeUnknown { cause, timed_out } => {
            let answer = if timed_out { Answer::TimedOut } else { Answer::Prompt };
            (AttemptResult::Failed(Failure::OutcomeUnknown(cause)), answer)
        }
    }
}

fn retry(error: AttemptError, retry_after: Option<Duration>) -> AttemptResult {
    AttemptResult::Retry { error, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::receipt::ReasonCode;

    #[test]
    fn only_what_the_channel_cannot_have_sent_is_retried() {
        let is_retried = |error| matches!(of_error(error).0, AttemptResult::Retry { .. });
        let code = || Some("30001".to_owned());
        assert!(is_retried(SendError::RateLimited { retry_after: None }));
        assert!(is_retried(SendError::NotSent("the connection was refused".to_owned())));
        assert!(is_retried(SendError::Configuration { code: code() }));
        let (reason, message) = (ReasonCode::GeneralError, "The channel refused the message.".to_owned());
        assert!(!is_retried(SendError::Refused { reason, code: code(), message }));
        assert!(!is_retried(SendError::OutcomeUnknown { cause: "status 500".to_owned(), timed_out: false }));
    }
}
