//! A conversation as the page gets it.

use super::CustomersSide;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::simulators::genesys_cloud::api::{Author, Conversation, Entry, Shown, State, Transcript};

/// The conversation of a customer, who need not have one yet.
pub(super) fn conversation(conversation: Option<&Conversation>, transcript: &Transcript) -> Value {
    let state = match conversation {
        None => "none",
        Some(conversation) if conversation.ended => "ended",
        Some(_) => "open",
    };
    json!({
        "state": state,
        "name": name(transcript),
        "typingUntil": transcript.typing_until.map(Timestamp::as_millisecond),
        "entries": transcript.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

/// A conversation in the list.
pub(super) fn listed(conversation: &Conversation, transcript: &Transcript, side: Option<&CustomersSide>) -> Value {
    json!({
        "customer": conversation.customer,
        "name": name(transcript),
        "integration": conversation.integration_id,
        "of": side.map(|side| &side.title),
        "last": last(transcript),
    })
}

/// The last text.
fn last(transcript: &Transcript) -> Option<Value> {
    transcript.entries.iter().rev().find_map(|one| entry(one).get("text").filter(|text| text.is_string()).cloned())
}

/// What the customer is called, if the platform knows.
fn name(transcript: &Transcript) -> Option<&str> {
    transcript.entries.iter().rev().find_map(|one| match &one.shown {
        Shown::Customer(message) => message.pointer("/channel/from/nickname")?.as_str(),
        Shown::Outbound { .. } | Shown::AgentJoined | Shown::Ended => None,
    })
}

fn entry(entry: &Entry) -> Value {
    let mut json = match &entry.shown {
        Shown::Customer(message) => customers(message),
        Shown::Outbound { author, message, state } => outbound(*author, message, state),
        Shown::AgentJoined => json!({"kind": "event", "words": "An agent joined"}),
        Shown::Ended => json!({"kind": "event", "words": "The conversation ended"}),
    };
    if let Value::Object(members) = &mut json {
        members.insert("time".to_owned(), entry.at.to_string().into());
    }
    json
}

fn customers(message: &Value) -> Value {
    match message.pointer("/content/0/buttonResponse") {
        Some(choice) => json!({"kind": "customer", "text": choice.get("text"), "choice": choice.get("type")}),
        None => json!({"kind": "customer", "text": message.get("text"), "content": message.get("content")}),
    }
}

fn outbound(author: Author, message: &Value, state: &State) -> Value {
    let kind = match author {
        Author::Agent => "agent",
        Author::Company => "company",
    };
    let (state, reason) = match state {
        State::Sending => ("sending".to_owned(), None),
        State::Sent => ("sent".to_owned(), None),
        State::NotSent(Some(status)) => ("failed".to_owned(), Some(format!("the webhook was answered with {status}"))),
        State::NotSent(None) => ("failed".to_owned(), Some("the webhook was not answered".to_owned())),
        State::Receipt { status, reason } => (status.to_lowercase(), Some(reason.clone())),
    };
    let (text, content) = (message.get("text"), message.get("content"));
    json!({"kind": kind, "text": text, "content": content, "state": state, "reason": reason})
}
