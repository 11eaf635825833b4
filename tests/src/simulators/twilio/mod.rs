//! Twilio: it takes messages by its API, reports their statuses, and posts what customers send. It checks every call as
//! strictly as the contract allows, can inject faults, and records messages.

mod account;
mod addresses;
mod answers;
mod chat;
mod delivery;
mod inbound;
mod media;
mod message;
mod reports;
mod settings;
pub mod signature;
#[cfg(test)]
mod tests;
mod webhook;

pub use crate::simulators::answer::Answer;
pub use crate::simulators::faults::Fault;
pub use addresses::new_sid;
pub use delivery::{Attempt, Delivered};
pub use inbound::Inbound;
pub use media::File;
pub use message::{Message, Template};
pub use webhook::{Status, Webhook};

use crate::harness::listener::listen;
use crate::harness::server::{Server, origin};
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::Target;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use account::{Account, handle};
use addresses::{bare, is_on_whatsapp};
use axum::Router;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
pub const AUTH_TOKEN: &str = "auth-token-of-the-tests";
/// A key of the kind "standard".
pub const API_KEY: &str = "SK00000000000000000000000000000000";
pub const API_KEY_SECRET: &str = "api-key-secret-of-the-tests";
/// The account's number, for texts and on WhatsApp.
pub const NUMBER: &str = "+15005550006";
pub const NUMBER_SID: &str = "PN00000000000000000000000000000000";
/// A Messaging Service with that number.
pub const MESSAGING_SERVICE: &str = "MG00000000000000000000000000000000";

/// A message to a customer who has opted out.
const OPTED_OUT: i64 = 21_610;

/// The running Twilio. It ends when this is dropped.
pub struct Twilio {
    /// The base of its API.
    pub url: String,
    account: Arc<Account>,
    _server: Server,
}

impl Twilio {
    #[must_use]
    pub fn start() -> Self {
        let listener = listen();
        let url = origin(&listener);
        let account = Arc::new(Account::new(url.clone()));
        let server = Server::on(listener, Router::new().fallback(handle).with_state(Arc::clone(&account)));
        Self { url, account, _server: server }
    }

    /// What calls are authenticated by: users and passwords, with a colon between.
    #[must_use]
    pub fn keys(&self) -> &Credentials {
        &self.account.keys
    }

    /// Signs webhooks with this token from now on.
    pub fn set_auth_token(&self, token: &str) {
        token.clone_into(&mut self.auth_token_lock());
    }

    fn auth_token_lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.account.auth_token.lock().expect("no panic")
    }

    /// The token that signs webhooks.
    #[must_use]
    pub fn auth_token(&self) -> String {
        self.auth_token_lock().clone()
    }

    /// Injects faults into the next sends, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.account.faults.plan(Target::AnyCall, faults);
    }

    /// Refuses messages to this address with an error code.
    pub fn refuse(&self, to: &str, code: i64) {
        self.account.refused.lock().expect("no panic").insert(to.to_owned(), code);
    }

    /// Takes messages to this address again.
    pub fn accept(&self, to: &str) {
        self.account.refused.lock().expect("no panic").remove(to);
    }

    /// Reports these statuses of the next message that it accepts before it answers the call. A fault of that call still
    /// applies to the answer. Several plans are for one message each.
    pub fn report_before_answer(&self, statuses: &[Status]) {
        self.account.reports.plan_early(statuses);
    }

    /// Lets the 24 hours pass in which a customer who has written on WhatsApp can be sent other messages than templates.
    pub fn end_session(&self, customer: &str) {
        self.account.sessions.lock().expect("no panic").remove(customer);
    }

    /// All messages that it has accepted, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.account.assert_called_rightly();
        self.account.messages.borrow().clone()
    }

    /// The messages to this address, in order.
    #[must_use]
    pub fn messages_to(&self, to: &str) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.to == to).collect()
    }

    /// How often a message was to be sent, successfully or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.account.attempts.borrow()
    }

    /// Waits for at least `count` sends, successful or not.
    pub async fn wait_for_attempts(&self, count: usize) {
        let mut attempts = self.account.attempts.subscribe();
        let waiting = tokio::time::timeout(WAIT_TIMEOUT, attempts.wait_for(|attempts| *attempts >= count)).await;
        waiting.expect("attempts in time").expect("the account is there");
    }

    /// Waits until `enough` holds for all messages, and returns them.
    pub async fn wait_until(&self, enough: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let mut messages = self.account.messages.subscribe();
        let waiting = messages.wait_for(|messages| {
            self.account.assert_called_rightly();
            enough(messages)
        });
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "not sent; so far: {:#?}", self.messages());
        self.messages()
    }

    /// Waits for `count` messages, and returns all.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        self.wait_until(|messages| messages.len() >= count).await
    }

    /// Waits for a message whose body has this text, and returns it.
    pub async fn wait_for_text(&self, text: &str) -> Message {
        let there = |message: &&Message| message.body.contains(text);
        let messages = self.wait_until(|messages| messages.iter().any(|message| there(&message))).await;
        messages.iter().find(there).expect("it is there").clone()
    }

    /// The webhook of a message's status.
    #[must_use]
    pub fn status(&self, message: &Message, status: Status) -> Webhook {
        self.account.status(message, status).expect("the message has a status callback")
    }

    /// Posts a message's status.
    pub async fn report(&self, message: &Message, status: Status) -> Answer {
        self.account.set_status(message, status);
        self.post(&self.status(message, status)).await
    }

    /// The webhook of a customer's message at this URL. Its files can be fetched from now on, STOP has its effect, and on
    /// WhatsApp the 24 hours begin.
    pub fn inbound(&self, url: &str, inbound: &Inbound) -> Webhook {
        inbound.files.iter().for_each(|file| self.account.media.keep(&inbound.sid, file));
        match inbound.opts_out() {
            _ if is_on_whatsapp(&inbound.from) => {
                self.account.sessions.lock().expect("no panic").insert(inbound.from.clone());
            }
            Some(true) => self.refuse(&inbound.from, OPTED_OUT),
            Some(false) => self.accept(&inbound.from),
            None => {}
        }
        Webhook::form(url, inbound.form(&self.url), &self.auth_token())
    }

    /// Posts a webhook once.
    pub async fn post(&self, webhook: &Webhook) -> Answer {
        delivery::post(webhook).await
    }

    /// Posts a customer's message to the webhook that is configured for the number or its service, with Twilio's repeats
    /// and fallback.
    pub async fn receive(&self, inbound: &Inbound) -> Delivered {
        let (url, fallback) = self.account.settings.inbound_webhooks(bare(&inbound.to), inbound.service());
        let url = url.expect("a webhook is configured");
        let webhook = self.inbound(&url, inbound);
        let fallback = fallback.map(|url| webhook.to_fallback(&url, &self.auth_token()));
        let act = self.account.acts.begin(inbound, |other| other.sid == inbound.sid);
        let delivered = delivery::deliver(&webhook, &url, fallback).await;
        self.account.acts.end(act, delivered.answer().is_some());
        delivered
    }

    /// Answers 404 for each file of a customer so often, before it is there.
    pub fn delay_files(&self, times: usize) {
        *self.account.media.late.lock().expect("no panic") = times;
    }

    /// How many files were fetched.
    #[must_use]
    pub fn downloads(&self) -> usize {
        *self.account.media.downloads.lock().expect("no panic")
    }

    /// Whether a file of a customer is still kept.
    #[must_use]
    pub fn keeps(&self, file: &File) -> bool {
        self.account.media.is_kept(&file.sid)
    }

    /// The settings of the account's number that were made.
    #[must_use]
    pub fn number_settings(&self) -> BTreeMap<String, String> {
        let numbers = self.account.settings.numbers.lock().expect("no panic");
        numbers.first().map(|number| number.settings.clone()).unwrap_or_default()
    }

    /// The settings of the Messaging Service that were made.
    #[must_use]
    pub fn service_settings(&self) -> BTreeMap<String, String> {
        let services = self.account.settings.services.lock().expect("no panic");
        services.first().map(|service| service.settings.clone()).unwrap_or_default()
    }
}
