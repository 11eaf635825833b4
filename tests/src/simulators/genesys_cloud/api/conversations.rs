//! Conversations: one per customer and integration. After its end, the customer's next message reopens it.

use super::answers::Refusal;
use super::models::IdType;
use super::webhooks::now;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use uuid::Uuid;

/// The ids of the agent and of the agent's queue.
pub const AGENT: &str = "b1a61bbd-1a9d-4e2a-9d4e-8f5f6c3d2a10";
pub const QUEUE: &str = "c5cbbb0e-6b0f-4e8f-8d4c-0a4f6f3f9f11";

/// A customer's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub integration_id: String,
    pub customer: String,
    /// Its kind: `Email`, `Phone` or `Opaque`.
    pub id_type: &'static str,
    pub conversation_id: String,
    /// The id of the agent's communication.
    pub communication_id: String,
    /// Whether the customer has joined: from the first inbound message. An agentless message alone does not connect the
    /// customer.
    pub connected: bool,
    /// Whether all participants have been disconnected.
    pub ended: bool,
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
    /// The agents of a conversation, where they are not one connected agent: communications and their states.
    agents: HashMap<String, Vec<(String, &'static str)>>,
}

impl State {
    fn agents_of(&self, conversation: &Conversation) -> Vec<(String, &'static str)> {
        let usual = || vec![(conversation.communication_id.clone(), "connected")];
        let mut agents = self.agents.get(&conversation.conversation_id).cloned().unwrap_or_else(usual);
        if conversation.ended {
            agents.iter_mut().for_each(|(_, state)| *state = "disconnected");
        }
        agents
    }

    fn json(&self, conversation: &Conversation) -> Value {
        let Conversation { integration_id, customer, conversation_id, ended, .. } = conversation;
        let communication = |id: &str, state: &str| {
            json!({
                "id": id, "state": state, "direction": "inbound", "type": "open", "provider": "PureCloud Messaging",
                "fromAddress": {"addressNormalized": customer, "addressRaw": customer},
                "toAddress": {"addressNormalized": integration_id, "addressRaw": integration_id},
            })
        };
        let state = if *ended { "disconnected" } else { "connected" };
        let mut participants = vec![json!({
            "id": Uuid::new_v4().to_string(), "purpose": "customer", "participantType": "External",
            "messages": [communication(&Uuid::new_v4().to_string(), state)],
        })];
        participants.extend(self.agents_of(conversation).iter().map(|(id, state)| {
            json!({
                "id": Uuid::new_v4().to_string(), "purpose": "agent", "userId": AGENT, "queueId": QUEUE,
                "messages": [communication(id, state)],
            })
        }));
        let mut json = json!({"id": conversation_id, "startTime": now(), "participants": participants});
        if *ended {
            json["endTime"] = now().into();
        }
        json
    }
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
            // The agent who takes the reopened conversation gets a new communication.
            if std::mem::take(&mut conversation.ended) {
                conversation.communication_id = Uuid::new_v4().to_string();
            }
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
                ended: false,
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

    pub(super) fn all(&self) -> Vec<Conversation> {
        self.0.lock().expect("no panic").conversations.clone()
    }

    /// The conversation with these ids.
    pub(super) fn find(&self, conversation: &str, communication: &str) -> Result<Conversation, Refusal> {
        let state = self.0.lock().expect("no panic");
        let connected = |one: &Conversation| state.agents_of(one).contains(&(communication.to_owned(), "connected"));
        let known = |one: &&Conversation| one.conversation_id == conversation && connected(one);
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

    /// Replaces the agents of a conversation: their communications and states.
    pub(super) fn set_agents(&self, conversation: &Conversation, agents: &[(&str, &'static str)]) {
        let agents = agents.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect();
        self.0.lock().expect("no panic").agents.insert(conversation.conversation_id.clone(), agents);
    }

    /// `Conversation`, as `GET /api/v2/conversations/{id}` returns it.
    pub(super) fn show(&self, id: &str) -> Result<Value, Refusal> {
        let state = self.0.lock().expect("no panic");
        let found = state.conversations.iter().find(|one| one.conversation_id == id);
        found.map(|one| state.json(one)).ok_or_else(|| Refusal::not_found("Conversation not found."))
    }

    /// Disconnects all participants, unless that has been done. Returns the conversation as it was.
    pub(super) fn end(&self, id: &str) -> Result<Conversation, Refusal> {
        let mut state = self.0.lock().expect("no panic");
        let found = state.conversations.iter_mut().find(|one| one.conversation_id == id);
        let found = found.ok_or_else(|| Refusal::not_found("Conversation not found."))?;
        if found.ended {
            return Err(Refusal::bad_request("The conversation has ended."));
        }
        let before = found.clone();
        found.ended = true;
        Ok(before)
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
