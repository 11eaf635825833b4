//! The simulated providers whose customers have a telephone.

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::simulators::telegram::{CustomerFile, Telegram, Update};
use tests::simulators::telephone::Entry;
use tests::simulators::twilio::{Inbound, NUMBER, Twilio};
use tokio::sync::watch;

pub enum Provider {
    Telegram(Telegram),
    Sms(Twilio),
}

/// What a customer does.
pub(super) enum Action {
    Telegram(Update),
    Sms(Inbound),
}

impl Provider {
    /// The member `channel` of an integration's configuration.
    pub(super) fn configuration(&self, public_url: &str) -> Value {
        match self {
            Self::Telegram(telegram) => telegram.configuration(public_url),
            Self::Sms(twilio) => twilio.configuration(public_url),
        }
    }

    /// Posts what customers do to this webhook, from now on.
    pub fn connect(&self, url: &str) {
        match self {
            Self::Telegram(telegram) => telegram.connect(url),
            Self::Sms(twilio) => twilio.connect(url),
        }
    }

    /// What a customer's telephone shows, in order.
    #[must_use]
    pub fn chat(&self, customer: &str) -> Vec<Entry> {
        match self {
            Self::Telegram(telegram) => chat_id(customer).map(|chat| telegram.chat(chat)).unwrap_or_default(),
            Self::Sms(twilio) => twilio.chat(customer),
        }
    }

    /// Changes whenever a telephone shows something else.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Self::Telegram(telegram) => telegram.changes(),
            Self::Sms(twilio) => twilio.changes(),
        }
    }

    /// What differs between the pages: colours, the company's name, and its address there.
    pub(super) fn look(&self) -> Value {
        match self {
            Self::Telegram(_) => json!({"look": "telegram", "company": "Acme", "address": "@acme_bot"}),
            Self::Sms(_) => json!({"look": "sms", "company": "Acme", "address": NUMBER}),
        }
    }

    pub(super) fn customers(&self) -> Vec<String> {
        match self {
            Self::Telegram(telegram) => telegram.chats().iter().map(i64::to_string).collect(),
            Self::Sms(twilio) => twilio.customers(),
        }
    }

    pub(super) fn typing_until(&self, customer: &str) -> Option<Timestamp> {
        match self {
            Self::Telegram(telegram) => telegram.typing_until(chat_id(customer)?),
            Self::Sms(_) => None,
        }
    }

    /// Reports that messages are delivered, where the provider reports that.
    pub(super) async fn report_deliveries(&self) {
        match self {
            Self::Telegram(_) => {}
            Self::Sms(twilio) => twilio.deliver_all().await,
        }
    }

    /// `None` if there cannot be such a customer.
    pub(super) fn text(&self, customer: &str, text: &str) -> Option<Action> {
        Some(match self {
            Self::Telegram(telegram) => Action::Telegram(telegram.text(chat_id(customer)?, text)),
            Self::Sms(_) => Action::Sms(Inbound::text(number(customer)?, text)),
        })
    }

    pub(super) fn picture(&self, customer: &str, media_type: &str, content: Bytes) -> Option<Action> {
        Some(match self {
            Self::Telegram(telegram) => {
                Action::Telegram(telegram.file(chat_id(customer)?, &CustomerFile::photo(content), None))
            }
            Self::Sms(_) => Action::Sms(Inbound::text(number(customer)?, "").with_file(media_type, content)),
        })
    }

    /// The press of an inline button. `None` if the message does not have it.
    pub(super) fn press(&self, customer: &str, message: &str, title: &str) -> Option<Action> {
        let Self::Telegram(telegram) = self else { return None };
        let mut sent = telegram.sent_to(chat_id(customer)?).into_iter();
        let sent = sent.find(|sent| sent.message_id.to_string() == message)?;
        sent.button(title)?.get("callback_data")?;
        Some(Action::Telegram(telegram.press(&sent, title)))
    }

    /// Posts it to the webhook. The chat shows whether that is accepted.
    pub(super) async fn post(&self, action: Action) {
        match (self, action) {
            (Self::Telegram(telegram), Action::Telegram(update)) => drop(telegram.post(&update).await),
            (Self::Sms(twilio), Action::Sms(inbound)) => drop(twilio.receive(&inbound).await),
            _ => {}
        }
    }
}

/// The id of a private chat.
fn chat_id(customer: &str) -> Option<i64> {
    customer.parse().ok().filter(|id| *id > 0)
}

/// A phone number.
fn number(customer: &str) -> Option<&str> {
    let digits = customer.strip_prefix('+')?;
    let is_number = (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(customer)
}
