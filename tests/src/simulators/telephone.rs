//! What a customer's telephone shows, the same of every provider.

use axum::body::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Instant;
use tokio::sync::watch;

/// An entry of a chat.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    pub id: String,
    pub kind: Kind,
    pub time: Timestamp,
    pub text: String,
    /// What is bold or a link in the text, in Telegram's form.
    pub entities: Vec<Value>,
    pub files: Vec<File>,
    /// Inline buttons, in Telegram's form.
    pub buttons: Vec<Value>,
    pub state: Option<State>,
    /// For the order.
    #[serde(skip)]
    pub(super) at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// From the company.
    Received,
    Written,
    /// The customer pressed a button.
    Pressed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The webhook of what the customer did has no answer yet.
    Sending,
    Sent,
    /// The provider has reported this of the company's message.
    Delivered,
    Read,
    Failed,
}

#[derive(Debug, Clone, Serialize)]
pub struct File {
    pub name: String,
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Where it is, if the provider does not have its content.
    pub url: Option<String>,
    #[serde(skip)]
    pub content: Bytes,
}

impl Entry {
    /// The one with this text, at this moment.
    pub(super) fn new(id: String, kind: Kind, text: String, (at, time): (Instant, Timestamp)) -> Self {
        let (entities, files, buttons) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, kind, time, text, entities, files, buttons, state: None, at }
    }
}

/// Something that a customer did.
#[derive(Debug, Clone)]
pub(super) struct Act<A> {
    pub(super) what: A,
    pub(super) state: State,
    pub(super) at: (Instant, Timestamp),
}

/// What customers did, in order.
#[derive(Debug)]
pub(super) struct Acts<A> {
    all: Mutex<Vec<Act<A>>>,
    /// Changes whenever a telephone shows something else.
    changes: watch::Sender<u64>,
}

impl<A> Default for Acts<A> {
    fn default() -> Self {
        Self { all: Mutex::default(), changes: watch::Sender::default() }
    }
}

impl<A: Clone> Acts<A> {
    pub(super) fn all(&self) -> Vec<Act<A>> {
        self.all.lock().expect("no panic").clone()
    }

    /// It is being posted. Returns its place; a repeat keeps the place of the first.
    pub(super) fn begin(&self, what: &A, is_same: impl Fn(&A) -> bool) -> usize {
        let mut all = self.all.lock().expect("no panic");
        let known = all.iter().position(|act| is_same(&act.what));
        let place = known.unwrap_or_else(|| {
            let at = (Instant::now(), Timestamp::now());
            all.push(Act { what: what.clone(), state: State::Sending, at });
            all.len() - 1
        });
        drop(all);
        self.changed();
        place
    }

    pub(super) fn end(&self, place: usize, is_accepted: bool) {
        let state = if is_accepted { State::Sent } else { State::Failed };
        self.all.lock().expect("no panic")[place].state = state;
        self.changed();
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
