//! What the customer writes, and what became of it.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A message or a response of the customer, as Patchbay gets it. It stays the same on every attempt.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) message_id: String,
    pub(crate) route: &'static str,
    pub(crate) body: Value,
}

impl Outgoing {
    /// `answer` is what stands in the body besides who says it, and when.
    pub(crate) fn new(route: &'static str, from: Value, answer: Value) -> Self {
        let message_id = Uuid::new_v4().to_string();
        let mut body = json!({"messageId": message_id, "from": from, "time": format!("{:.3}", Timestamp::now())});
        if let (Value::Object(body), Value::Object(answer)) = (&mut body, answer) {
            body.extend(answer);
        }
        Self { message_id, route, body }
    }
}

/// What the customer wrote, in the chat.
pub(crate) struct Own {
    pub(crate) outgoing: Outgoing,
    /// The platform's id of it, once known: receipts speak of it.
    pub(crate) platform_id: Option<String>,
    pub(crate) state: State,
}

/// What became of it.
pub(crate) enum State {
    /// It is on its way to Patchbay.
    Sending,
    /// Patchbay took it.
    Sent,
    /// The platform shows it to the agent.
    Published,
    /// Patchbay did not take it: it can be sent again.
    Unsent(String),
    /// The platform could not show it to the agent.
    Failed(String),
}

impl State {
    /// What a receipt says.
    pub(crate) fn of_receipt(status: &str, reason: &str) -> Self {
        if status.eq_ignore_ascii_case("failed") { Self::Failed(reason.to_owned()) } else { Self::Published }
    }
}

impl Own {
    /// One that is about to be sent.
    pub(crate) fn sending(outgoing: Outgoing) -> Self {
        Self { outgoing, platform_id: None, state: State::Sending }
    }

    /// What the page needs of it.
    pub(crate) fn json(&self) -> Value {
        let (state, reason) = match &self.state {
            State::Sending => ("sending", None),
            State::Sent => ("sent", None),
            State::Published => ("published", None),
            State::Unsent(reason) => ("unsent", Some(reason)),
            State::Failed(reason) => ("failed", Some(reason)),
        };
        let body = &self.outgoing.body;
        json!({
            "kind": "own",
            "messageId": self.outgoing.message_id,
            "time": body["time"],
            "text": body["text"],
            "originatingMessageId": body["originatingMessageId"],
            "payload": body["payload"],
            "state": state,
            "reason": reason,
        })
    }
}
