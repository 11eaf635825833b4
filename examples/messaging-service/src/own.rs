//! Messages of the customer and their states.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A message or a response of the customer, as Patchbay receives it. It stays the same on every attempt.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) message_id: String,
    pub(crate) route: &'static str,
    pub(crate) body: Value,
}

impl Outgoing {
    /// `content` is the body without sender and time.
    pub(crate) fn new(route: &'static str, from: Value, content: Value) -> Self {
        let message_id = Uuid::new_v4().to_string();
        let mut body = json!({"messageId": message_id, "from": from, "time": format!("{:.3}", Timestamp::now())});
        if let (Value::Object(body), Value::Object(content)) = (&mut body, content) {
            body.extend(content);
        }
        Self { message_id, route, body }
    }
}

/// The customer's message in the chat.
pub(crate) struct Own {
    pub(crate) outgoing: Outgoing,
    /// The platform's id of it, once known. Receipts name it.
    pub(crate) platform_id: Option<String>,
    pub(crate) state: State,
}

pub(crate) enum State {
    /// On its way to Patchbay.
    Sending,
    /// Accepted by Patchbay.
    Sent,
    /// Shown to the agent by the platform.
    Published,
    /// Refused by Patchbay. It can be sent again.
    Unsent(String),
    /// Not shown to the agent by the platform.
    Failed(String),
}

impl State {
    /// The state after a receipt.
    pub(crate) fn of_receipt(status: &str, reason: &str) -> Self {
        if status.eq_ignore_ascii_case("failed") { Self::Failed(reason.to_owned()) } else { Self::Published }
    }
}

impl Own {
    /// A message that is about to be sent.
    pub(crate) fn sending(outgoing: Outgoing) -> Self {
        Self { outgoing, platform_id: None, state: State::Sending }
    }

    /// The message for the page.
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
