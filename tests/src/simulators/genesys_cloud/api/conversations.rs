//! Conversations: one of each customer of an integration.

use super::answers::Refusal;
use super::models::IdType;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use uuid::Uuid;

/// A customer's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The integration that it goes through.
    pub integration_id: String,
    /// The customer's id.
    pub customer: String,
    /// Its kind: `Email`, `Phone` or `Opaque`.
    pub id_type: &'static str,
    /// The conversation's id.
    pub conversation_id: String,
    /// The id of the customer's part in it.
    pub communication_id: String,
    /// Whether the customer is in it: since the first inbound message. An agentless message alone connects nobody.
    pub connected: bool,
}

/// What tells an inbound post from all others: operation, integration, `channel.messageId`, `channel.time`.
pub(super) type Key = (&'static str, String, String, String);

/// All conversations.
#[derive(Debug, Default)]
pub(super) struct Conversations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    conversations: Vec<Conversation>,
    /// Each inbound message with its conversation's id.
    messages: Vec<(String, Value)>,
    answers: HashMap<Key, Value>,
}

impl Conversations {
    /// The customer's conversation, made at first use.
    pub(super) fn with(&self, integration: &str, customer: &str) -> Conversation {
        self.enter(integration, customer, |_| {})
    }

    /// The same, with the customer in it.
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

    /// The customer's newest conversation, whichever integration it goes through.
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

    /// Takes an inbound message. One that came before gets the answer of then, and appears only once. Says whether it
    /// is the first.
    pub(super) fn hear(&self, conversation: &Conversation, key: Option<Key>, answer: Value) -> (Value, bool) {
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
