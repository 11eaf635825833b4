//! Webhooks that Twilio posts.

use super::addresses::{is_on_whatsapp, new_sid};
use super::message::Message;
use super::signature::{sign, url_with_digest};
use super::{ACCOUNT_SID, MESSAGING_SERVICE};
use serde_json::Value;
use url::form_urlencoded;

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// A signed request. Posted twice, it is a replay.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// As it is signed.
    pub url: String,
    /// Where it is posted, if that is not the URL that is signed.
    pub address: String,
    pub content_type: &'static str,
    /// The exact text.
    pub body: String,
    /// The header `X-Twilio-Signature`.
    pub signature: Option<String>,
    /// The header `I-Twilio-Idempotency-Token`, the same in repeats.
    pub idempotency_token: String,
}

impl Webhook {
    /// A form to this URL, whose fragment is neither sent nor signed.
    #[must_use]
    pub fn form<N: AsRef<str>, V: AsRef<str>>(
        url: &str,
        form: impl IntoIterator<Item = (N, V)>,
        auth_token: &str,
    ) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Self::new(without_fragment(url).to_owned(), FORM, body).signed_with(auth_token)
    }

    #[must_use]
    pub fn json(url: &str, body: &Value, auth_token: &str) -> Self {
        let body = body.to_string();
        let url = url_with_digest(without_fragment(url), body.as_bytes());
        Self::new(url, "application/json", body).signed_with(auth_token)
    }

    fn new(url: String, content_type: &'static str, body: String) -> Self {
        Self { address: url.clone(), url, content_type, body, signature: None, idempotency_token: new_sid("") }
    }

    /// Signed with another token.
    #[must_use]
    pub fn signed_with(mut self, auth_token: &str) -> Self {
        let body = if self.content_type == FORM { self.body.as_bytes() } else { b"" };
        let form: Vec<_> = form_urlencoded::parse(body).collect();
        let signature = sign(auth_token, &self.url, form.iter().map(|(name, value)| (&**name, &**value)));
        self.signature = Some(signature);
        self
    }

    /// Changed after it was signed.
    #[must_use]
    pub fn forged(mut self) -> Self {
        self.body.push_str("&Body=forged");
        self
    }

    #[must_use]
    pub fn without_signature(self) -> Self {
        Self { signature: None, ..self }
    }

    /// Posted elsewhere, as by a proxy.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    /// The same again, to the fallback URL, as after the first URL has failed.
    pub(super) fn to_fallback(&self, url: &str, auth_token: &str) -> Self {
        let form: Vec<_> = form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        let error = [("ErrorCode".to_owned(), "11200".to_owned()), ("ErrorUrl".to_owned(), self.url.clone())];
        let webhook = Self::form(url, form.into_iter().chain(error), auth_token);
        Self { idempotency_token: self.idempotency_token.clone(), ..webhook }
    }
}

pub(super) fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// The delivery status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub(super) word: &'static str,
    pub(super) error: Option<i64>,
}

impl Status {
    pub const SENT: Self = Self::word("sent");
    pub const DELIVERED: Self = Self::word("delivered");
    pub const READ: Self = Self::word("read");

    /// Another status.
    #[must_use]
    pub const fn word(word: &'static str) -> Self {
        Self { word, error: None }
    }

    #[must_use]
    pub const fn failed(code: i64) -> Self {
        Self { word: "failed", error: Some(code) }
    }

    #[must_use]
    pub const fn undelivered(code: i64) -> Self {
        Self { word: "undelivered", error: Some(code) }
    }

    pub(super) fn form(self, message: &Message) -> Vec<(&'static str, String)> {
        let sid = &message.sid;
        let mut form: Vec<(&str, String)> = vec![
            ("SmsSid", sid.clone()),
            ("SmsStatus", self.word.to_owned()),
            ("MessageStatus", self.word.to_owned()),
            ("MessageSid", sid.clone()),
            ("AccountSid", ACCOUNT_SID.to_owned()),
            ("From", message.from.clone()),
            ("To", message.to.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ];
        form.extend(message.messaging_service_sid.iter().map(|sid| ("MessagingServiceSid", sid.clone())));
        form.extend(self.error.map(|code| ("ErrorCode", code.to_string())));
        if is_on_whatsapp(&message.to) {
            form.push(("ChannelInstallSid", MESSAGING_SERVICE.replacen("MG", "XE", 1)));
            form.push(("ChannelPrefix", "whatsapp".to_owned()));
            form.push(("ChannelToAddress", message.to.clone()));
            form.extend(self.error.map(|_| ("ErrorMessage", "This is simulated.".to_owned())));
            form.extend((self == Self::READ).then(|| ("EventType", "READ".to_owned())));
        } else {
            form.extend((self == Self::DELIVERED).then(|| ("RawDlrDoneDate", "2601020304".to_owned())));
        }
        form
    }
}
