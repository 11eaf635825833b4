//! A customer's texts as the telephone shows them.

use super::inbound::Inbound;
use super::message::Message;
use super::settings::{FALLBACK_URL, URL};
use super::webhook::Status;
use super::{ACCOUNT_SID, API_KEY, API_KEY_SECRET, NUMBER, Twilio};
use crate::simulators::telephone::{Act, Entry, File, Kind, State};
use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

impl Twilio {
    /// The member `channel` of an integration's configuration.
    #[must_use]
    pub fn configuration(&self, public_url: &str) -> Value {
        json!({
            "kind": "twilio", "publicUrl": public_url, "accountSid": ACCOUNT_SID, "apiKeySid": API_KEY,
            "apiKeySecret": API_KEY_SECRET, "authTokens": [self.auth_token()], "from": NUMBER, "apiBaseUrl": self.url,
        })
    }

    /// Sets the webhooks of the account's number.
    pub fn connect(&self, url: &str) {
        let mut numbers = self.account.settings.numbers.lock().expect("no panic");
        for number in numbers.iter_mut() {
            number.settings.extend([URL, FALLBACK_URL].map(|name| (name.to_owned(), url.to_owned())));
        }
    }

    /// Changes whenever a customer's telephone shows something else.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.account.acts.changes()
    }

    /// The customers who have written.
    #[must_use]
    pub fn customers(&self) -> Vec<String> {
        let mut customers: Vec<_> = self.account.acts.all().into_iter().map(|act| act.what.from).collect();
        customers.sort_unstable();
        customers.dedup();
        customers
    }

    /// What the telephone of a customer shows, in order.
    #[must_use]
    pub fn chat(&self, customer: &str) -> Vec<Entry> {
        let acts = self.account.acts.all().into_iter().filter(|act| act.what.from == customer);
        let mut entries: Vec<_> = acts.map(written).collect();
        let messages = self.account.messages.borrow();
        let received = messages.iter().filter(|message| message.to == customer);
        entries.extend(received.map(|message| {
            let state = self.account.reports.last_of(&message.sid).map(Status::state);
            Entry { state, ..message.entry() }
        }));
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    /// Reports of every message, present and future, that it is sent and then delivered, as soon as it is there.
    pub async fn deliver_all(&self) {
        let (mut messages, mut reported) = (self.account.messages.subscribe(), 0);
        loop {
            let new = messages.borrow_and_update().get(reported..).unwrap_or_default().to_vec();
            for message in new.iter().filter(|message| message.status_callback.is_some()) {
                for status in [Status::SENT, Status::DELIVERED] {
                    self.report(message, status).await;
                }
            }
            reported += new.len();
            if new.is_empty() && messages.changed().await.is_err() {
                return;
            }
        }
    }
}

fn written(act: Act<Inbound>) -> Entry {
    let Act { what: Inbound { sid, text, files, .. }, state, at } = act;
    let file = |file: super::File| File {
        name: "picture".to_owned(),
        media_type: file.content_type,
        url: None,
        content: file.content,
    };
    Entry {
        files: files.into_iter().map(file).collect(),
        state: Some(state),
        ..Entry::new(sid, Kind::Written, text, at)
    }
}

impl Message {
    fn entry(&self) -> Entry {
        let picture = |url: &String| File {
            name: url.rsplit('/').next().unwrap_or_default().to_owned(),
            media_type: "image/*".to_owned(),
            url: Some(url.clone()),
            content: Bytes::new(),
        };
        let entry = Entry::new(self.sid.clone(), Kind::Received, self.body.clone(), (self.at, self.time));
        Entry { files: self.media_urls.iter().map(picture).collect(), ..entry }
    }
}

impl Status {
    fn state(self) -> State {
        match self.word {
            "delivered" => State::Delivered,
            "read" => State::Read,
            "failed" | "undelivered" => State::Failed,
            _ => State::Sent,
        }
    }
}
