//! What agents see of each conversation.

use super::webhooks::{Author, Webhook};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::watch;

/// How long agents see that the customer is typing: the customer's typing event has no duration.
const TYPING: SignedDuration = SignedDuration::from_secs(5);

/// A conversation as agents see it.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    pub entries: Vec<Entry>,
    /// Until when the customer is typing.
    pub typing_until: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub at: Timestamp,
    pub shown: Shown,
}

#[derive(Debug, Clone)]
pub enum Shown {
    /// The customer's message or choice, as the API returned it.
    Customer(Value),
    /// A message to the customer, as its webhook has it.
    Outbound {
        author: Author,
        message: Value,
        state: State,
    },
    AgentJoined,
    Ended,
}

/// The state of a message to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its webhook has no final answer yet.
    Sending,
    /// Its webhook was accepted.
    Sent,
    /// Its webhook was refused with this status, or was never answered.
    NotSent(Option<u16>),
    /// The last receipt for it.
    Receipt { status: String, reason: String },
}

impl Transcript {
    /// Whether an agent has joined, and the conversation has not ended since.
    #[must_use]
    pub fn has_agent(&self) -> bool {
        let joined = |entry: &Entry| match entry.shown {
            Shown::AgentJoined => Some(true),
            Shown::Ended => Some(false),
            Shown::Customer(_) | Shown::Outbound { .. } => None,
        };
        self.entries.iter().rev().find_map(joined).unwrap_or_default()
    }
}

/// The transcripts by conversation.
#[derive(Debug, Default)]
pub(super) struct Transcripts {
    state: Mutex<ByConversation>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct ByConversation {
    transcripts: HashMap<String, Transcript>,
    /// Where each message to a customer is: its conversation, and its place there.
    places: HashMap<String, (String, usize)>,
}

impl Transcripts {
    /// Changes whenever a transcript does.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(super) fn of(&self, conversation_id: &str) -> Transcript {
        self.state.lock().expect("no panic").transcripts.get(conversation_id).cloned().unwrap_or_default()
    }

    /// Adds an entry.
    pub(super) fn add(&self, conversation_id: &str, shown: Shown) {
        self.change(|state| {
            state.add(conversation_id, shown);
        });
    }

    /// Adds what the customer will see of a webhook.
    pub(super) fn sending(&self, webhook: &Webhook) {
        let Webhook { conversation_id, author, body, .. } = webhook;
        let is_message = body["direction"] == "Outbound" && body["type"] != "Event";
        if let (true, Some(id)) = (is_message, body["id"].as_str()) {
            let shown = Shown::Outbound { author: *author, message: body.clone(), state: State::Sending };
            self.change(|state| {
                let place = state.add(conversation_id, shown);
                state.places.insert(id.to_owned(), (conversation_id.clone(), place));
            });
        }
    }

    /// The webhook with this message has a final answer, or none.
    pub(super) fn answered(&self, message: &Value, status: Option<u16>) {
        self.set_state(message, |state| {
            // A receipt may come before the answer.
            if *state == State::Sending {
                let accepted = status.is_some_and(|status| (200..300).contains(&status));
                *state = if accepted { State::Sent } else { State::NotSent(status) };
            }
        });
    }

    pub(super) fn receipt(&self, receipt: &Value) {
        let word = |pointer| receipt.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (status, reason) = (word("/status"), word("/reasons/0/message"));
        self.set_state(receipt, |state| *state = State::Receipt { status, reason });
    }

    /// The customer is typing.
    pub(super) fn typing(&self, conversation_id: &str) {
        let until = Timestamp::now() + TYPING;
        self.change(|state| state.of(conversation_id).typing_until = Some(until));
    }

    /// Changes the state of the message to a customer that has the id of `message`, if there is one.
    fn set_state(&self, message: &Value, change: impl FnOnce(&mut State)) {
        self.change(|by_conversation| {
            let place = message["id"].as_str().and_then(|id| by_conversation.places.get(id).cloned());
            if let Some((conversation, place)) = place
                && let Shown::Outbound { state, .. } = &mut by_conversation.of(&conversation).entries[place].shown
            {
                change(state);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut ByConversation)) {
        change(&mut self.state.lock().expect("no panic"));
        self.version.send_modify(|version| *version += 1);
    }
}

impl ByConversation {
    fn of(&mut self, conversation_id: &str) -> &mut Transcript {
        self.transcripts.entry(conversation_id.to_owned()).or_default()
    }

    /// Returns its place.
    fn add(&mut self, conversation_id: &str, shown: Shown) -> usize {
        let transcript = self.of(conversation_id);
        if matches!(shown, Shown::Customer(_) | Shown::Ended) {
            transcript.typing_until = None;
        }
        transcript.entries.push(Entry { at: Timestamp::now(), shown });
        transcript.entries.len() - 1
    }
}
