//! Conversations: one per customer and integration.

use super::answers::Refusal;
use super::models::IdType;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use uuid::Uuid;

/// A customer's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub integration_id: String,
    pub customer: String,
    /// Its kind: `Email`, `Phone` or `Opaque`.
    pub id_type: &'static str,
    pub conversation_id: String,
    /// The id of the customer's communication.
    pub communication_id: String,
    /// Whether the customer has joined: from the first inbound message. An agentless message alone does not connect the
    /// customer.
    pub connected: bool,
}

/// The identity of an inbound post: operation, integration, `channel.messageId`, `channel.time`.
pub(super) type Key = (&'static str, String, String, String);

#[derive(Debug, Default)]
pub(super) struct Conversations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    conversations: Vec<Conversation>,
    /// Each inbound message with its conversation's id.
    messages: Vec<(String, Value)>,
    answers: HashMap<Key, Value>,
    /// The ids of messages to customers.
    sent: HashSet<String>,
}

impl Conversations {
    /// The customer's conversation, created at first use.
    pub(super) fn with(&self, integration: &str, customer: &str) -> Conversation {
        self.enter(integration, customer, |_| {})
    }

    /// The customer's conversation, joined by the customer.
    pub(super) fn joined(&self, integration: &str, customer: &str, id_type: IdType) -> Conversation {
        self.enter(integration, customer, |conversation| {
            conversation.connected = true;
            conversation.id_type = id_type.as_str();
        })
    }

    fn enter(&self, integration: &str, customer: &str, change: impl FnOnce(&mut Conversation)) -> Conversation {
        let all = &mut self.0.lock().expect("no panic").conversations;
        let known = all.iter().position(|one| one.integration_id == integration && one.customer == customer);
        let index = known.unwrap_or_else(|| {
            all.push(Conversation {
                integration_id: integration.to_owned(),
                customer: customer.to_owned(),
                id_type: IdType::Opaque.as_str(),
                conversation_id: Uuid::new_v4().to_string(),
                communication_id: Uuid::new_v4().to_string(),
                connected: false,
            });
            all.len() - 1
        });
        change(&mut all[index]);
        all[index].clone()
    }

    /// The customer's newest conversation in any integration.
    pub(super) fn of(&self, customer: &str) -> Option<Conversation> {
        let state = self.0.lock().expect("no panic");
        state.conversations.iter().rfind(|one| one.customer == customer).cloned()
    }

    /// The conversation with these ids.
    pub(super) fn find(&self, conversation: &str, communication: &str) -> Result<Conversation, Refusal> {
        let state = self.0.lock().expect("no panic");
        let known = |one: &&Conversation| one.conversation_id == conversation && one.communication_id == communication;
        let found = state.conversations.iter().find(known).cloned();
        found.ok_or_else(|| Refusal::not_found("Conversation or communication not found."))
    }

    /// Remembers the id of a message to a customer.
    pub(super) fn remember(&self, message: &str) {
        self.0.lock().expect("no panic").sent.insert(message.to_owned());
    }

    /// Whether a message to a customer has this id.
    pub(super) fn has_sent(&self, message: &str) -> bool {
        self.0.lock().expect("no panic").sent.contains(message)
    }

    /// Receives an inbound message. A repeated one gets the first response and is stored once. Returns whether it is
    /// the first.
    pub(super) fn receive(&self, conversation: &Conversation, key: Option<Key>, answer: Value) -> (Value, bool) {
        let mut state = self.0.lock().expect("no panic");
        if let Some(earlier) = key.as_ref().and_then(|key| state.answers.get(key)) {
            return (earlier.clone(), false);
        }
        state.messages.push((conversation.conversation_id.clone(), answer.clone()));
        key.map(|key| state.answers.insert(key, answer.clone()));
        (answer, true)
    }

    /// The inbound messages of a conversation, each once.
    pub(super) fn messages(&self, conversation: &Conversation) -> Vec<Value> {
        let state = self.0.lock().expect("no panic");
        let of_it = state.messages.iter().filter(|(id, _)| *id == conversation.conversation_id);
        of_it.map(|(_, message)| message.clone()).collect()
    }
}
