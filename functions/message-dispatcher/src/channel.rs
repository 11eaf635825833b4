//! Sending a message through a channel: each part once, in order.

use crate::attempt::{AttemptError, AttemptResult};
use crate::circuits::Answer;
use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::immediate_receipt::ImmediateReceipt;
use crate::outcome::{CIRCUIT_OPEN, Outcome};
use crate::sent_once::Sending;
use crate::task::Task;
use jiff::Timestamp;
use shared::aws::retry::retry_transient;
use shared::channel::offer::{Offer, offer_key};
use shared::channel::{ATTEMPT_TIMEOUT, ChannelConfig, ChannelMessage, ChannelPart, SendError, Template, Unsupported};
use shared::digest::Digest;
use shared::http_client::TIMEOUT;
use shared::integration::Integration;
use shared::ledger::{self, Lease, LedgerError, PartsSent};
use shared::model::endpoint::Endpoint;
use shared::model::integration_name::IntegrationName;
use shared::model::message::{Block, FallbackText, Intent, Message, MessageKind, Party};
use shared::model::receipt::{FailureReason, Recipient};
use std::time::Duration;
use tokio::time::Instant;

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
    pub(crate) fn of(message: &Message, channel: &ChannelConfig) -> Self {
        let is_to_send = matches!(message.intent, Intent::Send | Intent::SendUntracked);
        match &message.kind {
            MessageKind::Typing(_) if channel.shows_typing() => Self::Typing,
            MessageKind::Text(_) | MessageKind::Structured(_) if is_to_send && message.public.is_none() => {
                Self::Message
            }
            kind if is_to_send && kind.expects_receipt() => Self::Unsupported,
            _ => Self::NotForCustomers,
        }
    }
}

/// The options that a customer was offered last, where options are numbered.
pub(crate) struct LastOffer {
    key: String,
    message: Digest,
}

impl LastOffer {
    /// What this message offers this customer, if the channel numbers options.
    pub(crate) fn of(
        name: &IntegrationName,
        channel: &ChannelConfig,
        address: String,
        message_id: &str,
    ) -> Option<Self> {
        let key = || ledger::key::last_offer(name, &channel.canonical_address(address));
        let message = || Digest::of_parts(&["offer", message_id]);
        channel.numbers_options().then(|| Self { key: key(), message: message() })
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
        let (rendered, mut sent) = match self.prepare(task, integration, channel, lease).await {
            Ok(prepared) => prepared,
            Err(ended) => return ended,
        };
        // Before the message is sent, so that no answer comes before it.
        let address = rendered.address.clone();
        let last_offer = LastOffer::of(&integration.name, channel, address, &task.message.message_id);
        if let Err(error) = self.record_offer(task, integration, channel, &rendered, last_offer.as_ref()).await {
            return (retry(AttemptError::Channel(error.to_string()), None), Answer::None);
        }
        let (result, answer) = self.send_parts(task, channel, lease, &rendered.parts, &mut sent, deadline).await;
        let may_be_seen = sent.sent > 0
            || matches!(result, AttemptResult::Accepted(_) | AttemptResult::Failed(Failure::OutcomeUnknown(_)));
        if let Some(unseen) = last_offer.filter(|_| !may_be_seen) {
            self.restore_offer_before(&unseen).await;
        }
        (result, answer)
    }

    /// The message in the channel's form, and which parts were sent before.
    async fn prepare<'t>(
        &self,
        task: &'t Task<'_>,
        integration: &Integration,
        channel: &ChannelConfig,
        lease: &Lease,
    ) -> Result<(Rendered<'t>, PartsSent), (AttemptResult, Answer)> {
        let not_now = |error: LedgerError| (retry(AttemptError::Channel(error.to_string()), None), Answer::None);
        let failed = |failure| (AttemptResult::Failed(failure), Answer::None);
        let unsupported = |Unsupported(sentence)| failed(Failure::Unsupported(sentence));
        let customer = self.customer(task, integration, channel).await.map_err(not_now)?.map_err(unsupported)?;
        let rendered = render(task, channel, &customer, None).map_err(unsupported)?;
        let sent = match self.begin_sending(task, integration, lease, rendered.parts.len()).await.map_err(not_now)? {
            Sending::From(sent) => sent,
            Sending::AlreadySent => return Err((AttemptResult::Accepted(ImmediateReceipt::None), Answer::None)),
            Sending::OtherParts => {
                let cause = "some parts were sent, and the message has another number of parts now".to_owned();
                return Err(failed(Failure::OutcomeUnknown(cause)));
            }
        };
        Ok(match &sent.replay {
            // Its reports name the replay.
            Some(replay) => (render(task, channel, &customer, Some(replay)).map_err(unsupported)?, sent),
            None => (rendered, sent),
        })
    }

    /// Shows the customer that the agent types. That is of no use later, so nothing is recorded, and it waits for nothing.
    pub(crate) async fn show_typing(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        channel: &ChannelConfig,
        endpoint: &Endpoint,
    ) -> Result<Outcome, LedgerError> {
        if !self.circuits.is_closed(endpoint, Timestamp::now()) {
            return Ok(Outcome::Dropped(CIRCUIT_OPEN));
        }
        let deadline = Instant::now() + task.context.attempt_timeout(TIMEOUT);
        Ok(match self.customer(task, integration, channel).await? {
            Ok((_, address)) => {
                self.channels.show_typing(channel, &address, deadline).await;
                Outcome::delivered(task)
            }
            Err(_) => Outcome::Dropped("the customer has no address in the channel"),
        })
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
        sent: &mut PartsSent,
        deadline: Instant,
    ) -> (AttemptResult, Answer) {
        let first = sent.sent;
        for (part, number) in parts.iter().zip(1..).skip(first) {
            if number > first + 1 && deadline.saturating_duration_since(Instant::now()) < TIMEOUT {
                let error = AttemptError::Channel("there was no time left for all parts".to_owned());
                return (retry(error, Some(Duration::ZERO)), Answer::Prompt);
            }
            if let Err(error) = self.channels.send(channel, part, deadline).await {
                return of_error(error);
            }
            sent.sent = number;
            if number == parts.len() {
                break;
            }
            let record = || self.ledger.record_parts_sent(lease, Timestamp::now(), sent);
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
        last_offer: Option<&LastOffer>,
    ) -> Result<(), LedgerError> {
        let (name, now) = (&integration.name, Timestamp::now());
        let offer = Offer::new(&task.message.message_id, &rendered.address, rendered.blocks);
        match (offer.and_then(|offer| channel.sealer().seal(Offer::KIND, &offer)), last_offer) {
            (Some(sealed), Some(LastOffer { key, message })) => self.ledger.put_offer(key, message, &sealed, now).await,
            (Some(sealed), None) => {
                // Only the message's own buttons lead to it.
                let message = task.id.digest();
                self.ledger.put_offer(&ledger::key::offer(name, &offer_key(message)), message, &sealed, now).await
            }
            (None, Some(LastOffer { key, message })) => self.ledger.withdraw_offer(key, message, now).await,
            (None, None) => Ok(()),
        }
    }

    /// The customer has not seen the message: an answer is one to what was offered before. If that fails, it is a text, or one
    /// to the options that were not seen.
    pub(crate) async fn restore_offer_before(&self, unseen: &LastOffer) {
        if let Err(error) = self.ledger.restore_offer(&unseen.key, &unseen.message).await {
            tracing::warn!(reason = %error, "the options of the earlier message could not be restored");
        }
    }
}

fn render<'t>(
    task: &'t Task<'_>,
    channel: &ChannelConfig,
    (to, address): &(Recipient, String),
    replay: Option<&str>,
) -> Result<Rendered<'t>, Unsupported> {
    let message = &task.message;
    if !matches!(Form::of(message, channel), Form::Message) {
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
        to,
        address,
        blocks,
        template,
        replay,
        expects_receipt: task.expects_receipt(),
    })?;
    Ok(Rendered { parts, address: address.clone(), blocks })
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
        SendError::RateLimited { retry_after } => (retry(AttemptError::RateLimited(text), retry_after), Answer::Prompt),
        SendError::NotReached { timed_out, .. } => (retry(AttemptError::Channel(text), None), answer_after(timed_out)),
        SendError::NotCalled(_) => (retry(AttemptError::Channel(text), None), Answer::None),
        SendError::OutcomeUnknown { cause, timed_out } => {
            (AttemptResult::Failed(Failure::OutcomeUnknown(cause)), answer_after(timed_out))
        }
    }
}

fn answer_after(timed_out: bool) -> Answer {
    if timed_out { Answer::TimedOut } else { Answer::Prompt }
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
        assert!(is_retried(SendError::NotReached { cause: "no connection", timed_out: false }));
        assert!(is_retried(SendError::NotCalled("no time was left")));
        assert!(is_retried(SendError::Configuration { code: code() }));
        let (reason, message) = (ReasonCode::GeneralError, "The channel refused the message.".to_owned());
        assert!(!is_retried(SendError::Refused { reason, code: code(), message }));
        assert!(!is_retried(SendError::OutcomeUnknown { cause: "status 500".to_owned(), timed_out: false }));
    }

    #[test]
    fn a_connection_that_takes_too_long_is_a_timeout_and_no_call_says_nothing_of_the_channel() {
        let answer = |error| of_error(error).1;
        let not_reached = |timed_out| SendError::NotReached { cause: "no connection", timed_out };
        assert_eq!((Answer::TimedOut, Answer::Prompt), (answer(not_reached(true)), answer(not_reached(false))));
        assert_eq!(Answer::None, answer(SendError::NotCalled("no time was left")));
    }
}
