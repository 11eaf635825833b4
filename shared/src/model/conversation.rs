//! A conversation on the platform: who takes part in it, and what happens to it.

use crate::digest::Digest;
use crate::model::message::{Direction, IdType, Intent, Message, MessageKind, Party};
use crate::model::platform_name::PlatformName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happened to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    AgentJoined,
    AgentLeft,
    /// The agent left because the conversation was transferred.
    Transferred,
    Ended,
}

impl Change {
    pub const ALL: [Self; 4] = [Self::AgentJoined, Self::AgentLeft, Self::Transferred, Self::Ended];

    /// The type of the delivery.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::AgentJoined => "agent.joined",
            Self::AgentLeft => "agent.left",
            Self::Transferred => "conversation.transferred",
            Self::Ended => "conversation.ended",
        }
    }

    /// The name in logs and in delivery ids: it must not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgentJoined => "AgentJoined",
            Self::AgentLeft => "AgentLeft",
            Self::Transferred => "ConversationTransferred",
            Self::Ended => "ConversationEnded",
        }
    }
}

/// The session that an event is about: an agent's, or the customer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub session_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// The platform's word for how the session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An event of a conversation, as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversationEvent {
    #[serde(skip)]
    pub change: Change,
    #[serde(flatten)]
    pub session: Session,
}

/// An event of a conversation, as the platform reports it: without the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationUpdate {
    pub change: Change,
    pub conversation_id: String,
    /// The platform's time of the event. Events arrive in any order.
    pub time: Timestamp,
    pub session: Session,
}

/// The customer of a conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerAddress {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_type: Option<IdType>,
}

/// Hides the address.
impl fmt::Debug for CustomerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CustomerAddress").field("id_type", &self.id_type).finish_non_exhaustive()
    }
}

impl ConversationUpdate {
    /// The message for the messaging service of the customer.
    ///
    /// Its id is the same for every copy of the event. The platform's own id of the copy may not be.
    #[must_use]
    pub fn message(&self, platform: PlatformName, customer: &CustomerAddress) -> Message {
        let Self { change, conversation_id, time, session } = self;
        let time = time.to_string();
        let participant = session.participant_id.as_deref().unwrap_or_default();
        let identity = ["conversation event", conversation_id, change.name(), participant, &session.session_id, &time];
        let message_id = Digest::of_parts(&identity).as_str().to_owned();
        let kind = MessageKind::Conversation(Box::new(ConversationEvent { change: *change, session: session.clone() }));
        Message {
            conversation_id: Some(conversation_id.clone()),
            to: Some(Party { id: Some(customer.id.clone()), id_type: customer.id_type.clone(), ..Party::default() }),
            time: Some(time),
            ..Message::new(platform, message_id, Direction::Outbound, Intent::Sent, kind)
        }
    }
}

/// An event from the platform's event source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEvent {
    /// The name of the event source.
    pub source: String,
    pub content: EventContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventContent {
    /// Nothing that is delivered; the text says why.
    Ignored(&'static str),
    OfConversation {
        conversation_id: String,
        /// The addresses of the session, if the platform names them.
        addresses: Option<Addresses>,
        /// `None`: the event only names the customer.
        update: Option<Box<ConversationUpdate>>,
    },
}

/// The two ends of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The platform's id of the integration.
    pub channel_id: String,
    pub customer: String,
}

/// Hides the customer's address.
impl fmt::Debug for Addresses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Addresses").field("channel_id", &self.channel_id).finish_non_exhaustive()
    }
}

/// A conversation in its present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    pub conversation_id: String,
    pub state: ConversationState,
    /// The communication of the connected agent, if there is exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_id: Option<String>,
    pub participants: Vec<Participant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationState {
    /// No agent is connected.
    Waiting,
    /// At least one agent is connected.
    Connected,
    Ended,
}

/// Whether a participant is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Not connected, for example an agent who is alerted.
    Waiting,
    Connected,
    Left,
}

/// A communication in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// The platform's word: `customer`, `agent`, `acd`.
    pub purpose: String,
    /// Whether messages can be sent on behalf of this participant.
    #[serde(skip)]
    pub is_agent: bool,
    /// The platform's word: `alerting`, `connected`, `disconnected`.
    pub state: String,
    #[serde(skip)]
    pub presence: Presence,
    pub communication_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_time: Option<String>,
}

/// Why no agent is the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCurrentAgent {
    NoneConnected,
    /// The communications of the connected agents.
    SeveralConnected(Vec<String>),
}

/// What ending a conversation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Ended,
    AlreadyEnded,
}

impl Participant {
    fn is_connected_agent(&self) -> bool {
        self.is_agent && self.presence == Presence::Connected
    }

    fn has_left(&self) -> bool {
        self.presence == Presence::Left
    }
}

impl Conversation {
    /// The conversation with these communications. It has ended if all have left it.
    #[must_use]
    pub fn new(conversation_id: String, participants: Vec<Participant>) -> Self {
        let mut conversation = Self::ended(conversation_id, participants);
        let participants = &conversation.participants;
        if participants.is_empty() || !participants.iter().all(Participant::has_left) {
            let current = conversation.current_agent();
            let state = match current {
                Err(NoCurrentAgent::NoneConnected) => ConversationState::Waiting,
                Ok(_) | Err(NoCurrentAgent::SeveralConnected(_)) => ConversationState::Connected,
            };
            let communication_id = current.ok().map(str::to_owned);
            (conversation.state, conversation.communication_id) = (state, communication_id);
        }
        conversation
    }

    /// A conversation that has ended, whatever its communications say.
    #[must_use]
    pub fn ended(conversation_id: String, participants: Vec<Participant>) -> Self {
        Self { conversation_id, state: ConversationState::Ended, communication_id: None, participants }
    }

    /// The communication of the only connected agent.
    ///
    /// # Errors
    /// No agent is connected, or several are.
    pub fn current_agent(&self) -> Result<&str, NoCurrentAgent> {
        let connected = self.participants.iter().filter(|participant| participant.is_connected_agent());
        let connected: Vec<_> = connected.map(|participant| participant.communication_id.as_str()).collect();
        match connected.as_slice() {
            [] => Err(NoCurrentAgent::NoneConnected),
            [one] => Ok(one),
            several => Err(NoCurrentAgent::SeveralConnected(several.iter().map(|&id| id.to_owned()).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Presence::{Connected, Left, Waiting};

    fn participant((is_agent, presence, communication_id): (bool, Presence, &str)) -> Participant {
        Participant {
            purpose: String::new(),
            is_agent,
            state: String::new(),
            presence,
            communication_id: communication_id.to_owned(),
            user_id: None,
            queue_id: None,
            connected_time: None,
        }
    }

    fn participants(all: &[(bool, Presence, &str)]) -> Vec<Participant> {
        all.iter().copied().map(participant).collect()
    }

    #[test]
    fn the_current_agent_is_the_only_connected_one() {
        let (customer, alerting, left) = ((false, Connected, "1"), (true, Waiting, "2"), (true, Left, "3"));
        let (here, other) = ((true, Connected, "4"), (true, Connected, "5"));
        for (all, expected) in [
            (vec![customer], Err(NoCurrentAgent::NoneConnected)),
            (vec![customer, alerting, left], Err(NoCurrentAgent::NoneConnected)),
            (vec![customer, alerting, left, here], Ok("4")),
            (vec![here, customer, other], Err(NoCurrentAgent::SeveralConnected(vec!["4".to_owned(), "5".to_owned()]))),
        ] {
            let conversation = Conversation::new("c".to_owned(), participants(&all));
            assert_eq!(expected, conversation.current_agent());
            assert_eq!(expected.ok(), conversation.communication_id.as_deref());
        }
    }

    #[test]
    fn a_conversation_has_ended_when_all_have_left_it() {
        for (all, expected) in [
            (vec![], ConversationState::Waiting),
            (vec![(false, Connected, "1")], ConversationState::Waiting),
            (vec![(false, Left, "1"), (true, Waiting, "2")], ConversationState::Waiting),
            (vec![(false, Left, "1"), (true, Connected, "2")], ConversationState::Connected),
            (vec![(false, Left, "1"), (true, Left, "2")], ConversationState::Ended),
        ] {
            assert_eq!(expected, Conversation::new("c".to_owned(), participants(&all)).state, "{all:?}");
        }
        let at_its_end = Conversation::ended("c".to_owned(), participants(&[(true, Connected, "2")]));
        assert_eq!((ConversationState::Ended, None), (at_its_end.state, at_its_end.communication_id));
    }

    #[test]
    fn copies_of_an_event_have_the_same_id_and_other_events_have_others() {
        let customer = CustomerAddress { id: "customer".to_owned(), id_type: None };
        let session = |session_id: &str| Session {
            session_id: session_id.to_owned(),
            participant_id: Some("p".to_owned()),
            user_id: None,
            queue_id: None,
            reason: None,
        };
        let event = |change, session_id: &str, millisecond| ConversationUpdate {
            change,
            conversation_id: "c".to_owned(),
            time: Timestamp::from_millisecond(millisecond).unwrap(),
            session: session(session_id),
        };
        let id = |event: ConversationUpdate| {
            event.message(PlatformName::GenesysCloud, &customer).deduplication_id(&"acme".parse().unwrap())
        };
        let first = || event(Change::AgentLeft, "s", 1);
        let reason = Session { reason: Some("PEER".to_owned()), ..session("s") };
        assert_eq!(id(first()), id(ConversationUpdate { session: reason, ..first() }));
        for other in [
            event(Change::AgentJoined, "s", 1),
            event(Change::AgentLeft, "t", 1),
            event(Change::AgentLeft, "s", 2),
            ConversationUpdate { conversation_id: "d".to_owned(), ..first() },
        ] {
            assert_ne!(id(first()), id(other));
        }
    }
}
