//! Handling an event: find out whose conversation it is, and send it to the customer's queue.

use crate::outcome::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use shared::delivery::envelope::{Envelope, QueuedConversationEvent};
use shared::delivery::queue::{MessageQueue, SendError};
use shared::delivery::records::Queue;
use shared::json::i_json;
use shared::ledger::{Channel, ConversationOwner, Ledger, LedgerError};
use shared::model::conversation::{Addresses, ConversationUpdate, CustomerAddress, EventContent, SourceEvent};
use shared::platform::PlatformName;

/// The only platform with an event source.
const PLATFORM: PlatformName = PlatformName::GenesysCloud;

/// How long an event waits for its customer to become known. The platform may report that an agent has joined before the
/// agent's first message.
const OWNER_WAIT: SignedDuration = SignedDuration::from_mins(10);

pub(crate) struct EventHandler {
    pub(crate) ledger: Ledger,
    pub(crate) queue: MessageQueue,
    /// For events that cannot be read.
    pub(crate) dead_letters: Queue,
    /// The name of the configured event source. Events have no signature: only the partner can write to its bus.
    pub(crate) source: String,
}

/// An event that was read.
pub(crate) struct ReadEvent {
    content: EventContent,
    original: Box<RawValue>,
}

impl ReadEvent {
    /// The platform's time, by which a batch is sorted; `None` of an event that is not delivered.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match &self.content {
            EventContent::OfConversation { update: Some(update), .. } => Some(update.time),
            EventContent::OfConversation { update: None, .. } | EventContent::Ignored(_) => None,
        }
    }

    pub(crate) fn conversation_id(&self) -> Option<&str> {
        match &self.content {
            EventContent::OfConversation { conversation_id, .. } => Some(conversation_id),
            EventContent::Ignored(_) => None,
        }
    }
}

impl EventHandler {
    /// Reads an event and checks its source.
    pub(crate) fn read(&self, body: &str) -> Result<ReadEvent, Outcome> {
        let normalized = i_json::normalized(body.as_bytes()).map_err(|error| Outcome::Malformed(error.to_string()))?;
        let event = PLATFORM.parse_conversation_event(&normalized);
        let SourceEvent { source, content } = event.map_err(|error| Outcome::Malformed(error.to_string()))?;
        if source != self.source {
            return Err(Outcome::ForeignSource);
        }
        let original =
            serde_json::from_slice(&normalized).map_err(|_| Outcome::Malformed("the event is not JSON".to_owned()))?;
        Ok(ReadEvent { content, original })
    }

    /// Handles an event that the queue first had at `received_at`.
    pub(crate) async fn handle(&self, event: ReadEvent, received_at: Timestamp) -> Outcome {
        let ReadEvent { content, original } = event;
        let (conversation_id, addresses, update) = match content {
            EventContent::Ignored(reason) => return Outcome::Ignored(reason),
            EventContent::OfConversation { conversation_id, addresses, update } => (conversation_id, addresses, update),
        };
        let owner = match self.owner(&conversation_id, addresses).await {
            Ok(owner) => owner,
            Err(error) => return Outcome::Unavailable(error.to_string()),
        };
        match (owner, update) {
            (_, None) => Outcome::Ignored("not delivered"),
            (Some(owner), Some(update)) => self.send(owner, *update, original, received_at).await,
            (None, Some(_)) if Timestamp::now().duration_since(received_at) < OWNER_WAIT => {
                Outcome::TooEarly("the customer of the conversation is not known yet")
            }
            (None, Some(_)) => Outcome::Unresolved,
        }
    }

    /// Keeps an event that cannot be read, for an operator.
    pub(crate) async fn keep(&self, body: &str, reason: String) -> Outcome {
        match self.dead_letters.send(body).await {
            Ok(()) => Outcome::Malformed(reason),
            Err(error) => Outcome::Unavailable(error),
        }
    }

    /// The owner that a message named, or else the one that the addresses of the event name, which is recorded for the
    /// conversation's later events.
    async fn owner(
        &self,
        conversation_id: &str,
        addresses: Option<Addresses>,
    ) -> Result<Option<ConversationOwner>, LedgerError> {
        if let Some(owner) = self.ledger.conversation_owner(PLATFORM, conversation_id).await? {
            return Ok(Some(owner));
        }
        let Some(Addresses { channel_id, customer }) = addresses else { return Ok(None) };
        let channel = Channel { platform: PLATFORM, id: &channel_id };
        let Some(integration) = self.ledger.channel_owner(channel).await? else { return Ok(None) };
        let owner = ConversationOwner { integration, customer: CustomerAddress { id: customer, id_type: None } };
        self.ledger.set_conversation_owner(channel, conversation_id, &owner, Timestamp::now()).await?;
        Ok(Some(owner))
    }

    async fn send(
        &self,
        owner: ConversationOwner,
        update: ConversationUpdate,
        original: Box<RawValue>,
        received_at: Timestamp,
    ) -> Outcome {
        let ConversationOwner { integration, customer } = owner;
        let message = update.message(PLATFORM, &customer);
        let event = QueuedConversationEvent { customer, original };
        let envelope = Envelope::of_conversation_event(integration, PLATFORM, received_at, event);
        match self.queue.send_message(&envelope, &message).await {
            Ok(id) => Outcome::Queued { integration: envelope.integration, id },
            Err(error @ SendError::Unavailable(_)) => Outcome::Unavailable(error.to_string()),
            Err(error @ (SendError::TooLarge | SendError::Serialization(_))) => Outcome::Malformed(error.to_string()),
        }
    }
}
