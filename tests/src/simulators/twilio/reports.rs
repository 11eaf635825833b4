//! What Twilio reports of messages by itself.

use super::account::Account;
use super::delivery;
use super::message::Message;
use super::webhook::{Status, Webhook};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Outside of the 24 hours in which WhatsApp allows other messages than templates.
const SESSION_OVER: i64 = 63_016;

#[derive(Debug, Default)]
pub(super) struct Reports {
    last: Mutex<HashMap<String, Status>>,
    /// The statuses of the next messages that are reported before the calls are answered.
    early: Mutex<VecDeque<Vec<Status>>>,
}

impl Reports {
    pub(super) fn plan_early(&self, statuses: &[Status]) {
        self.early.lock().expect("no panic").push_back(statuses.to_vec());
    }

    /// The last status that was reported of a message.
    pub(super) fn last_of(&self, sid: &str) -> Option<Status> {
        self.last.lock().expect("no panic").get(sid).copied()
    }
}

impl Account {
    /// The message has this status from now on.
    pub(super) fn set_status(&self, message: &Message, status: Status) {
        self.reports.last.lock().expect("no panic").insert(message.sid.clone(), status);
        self.acts.changed();
    }

    /// The webhook of a message's status, if the message has a callback.
    pub(super) fn status(&self, message: &Message, status: Status) -> Option<Webhook> {
        let url = message.status_callback.as_deref()?;
        Some(Webhook::form(url, status.form(message), &self.auth_token.lock().expect("no panic")))
    }

    /// Reports what is reported of a new message without an order of the test: what was planned, before this returns.
    pub(super) async fn report_first(self: &Arc<Self>, message: Message) {
        if message.is_late(&self.sessions.lock().expect("no panic")) {
            let account = Arc::clone(self);
            tokio::spawn(async move { account.report(&message, Status::failed(SESSION_OVER)).await });
            return;
        }
        let planned = self.reports.early.lock().expect("no panic").pop_front();
        for status in planned.unwrap_or_default() {
            self.report(&message, status).await;
        }
    }

    /// Reports a status, with Twilio's repeats. One that is not accepted would be lost.
    async fn report(&self, message: &Message, status: Status) {
        self.set_status(message, status);
        let Some(webhook) = self.status(message, status) else { return };
        let delivered = delivery::deliver(&webhook, message.status_callback.as_deref().unwrap_or_default(), None).await;
        if delivered.answer().is_none() {
            self.mistake(format!("a status is not accepted: {:?}", delivered.attempts));
        }
    }
}
