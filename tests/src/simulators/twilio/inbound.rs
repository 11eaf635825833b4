//! What customers send.

use super::addresses::{bare, is_on_whatsapp, new_sid};
use super::media::File;
use super::{ACCOUNT_SID, NUMBER};
use axum::body::Bytes;

/// A customer's message. The account gives its files their addresses when it posts the message.
#[derive(Debug, Clone)]
pub struct Inbound {
    pub sid: String,
    pub from: String,
    pub to: String,
    pub text: String,
    pub files: Vec<File>,
    service: Option<String>,
    fields: Vec<(&'static str, String)>,
}

impl Inbound {
    /// A text to the account's number, or to the same number on WhatsApp if the customer's address is there.
    #[must_use]
    pub fn text(from: &str, text: &str) -> Self {
        let to = if is_on_whatsapp(from) { format!("whatsapp:{NUMBER}") } else { NUMBER.to_owned() };
        let sid = new_sid(if is_on_whatsapp(from) { "MM" } else { "SM" });
        Self { sid, from: from.to_owned(), to, text: text.to_owned(), files: vec![], service: None, fields: vec![] }
    }

    /// With one more file.
    #[must_use]
    pub fn with_file(mut self, content_type: &str, content: impl Into<Bytes>) -> Self {
        let content_type = content_type.to_owned();
        self.files.push(File { sid: new_sid("ME"), content_type, content: content.into() });
        self.sid.replace_range(..2, "MM");
        self
    }

    /// The press of a button of the message `original`.
    #[must_use]
    pub fn button(from: &str, title: &str, payload: &str, original: &str) -> Self {
        Self::text(from, title)
            .with("ButtonText", title)
            .with("ButtonPayload", payload)
            .with("ButtonType", "REPLY")
            .with("OriginalRepliedMessageSid", original)
    }

    #[must_use]
    pub fn location(from: &str, (latitude, longitude): (&str, &str), label: &str, address: &str) -> Self {
        Self::text(from, "")
            .with("Latitude", latitude)
            .with("Longitude", longitude)
            .with("Label", label)
            .with("Address", address)
    }

    /// To another of the account's addresses.
    #[must_use]
    pub fn to(self, address: &str) -> Self {
        Self { to: address.to_owned(), ..self }
    }

    /// To a number in the pool of this service.
    #[must_use]
    pub fn through(self, service: &str) -> Self {
        Self { service: Some(service.to_owned()), ..self }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_owned()));
        self
    }

    pub(super) fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The keyword that opts the customer out of text messages (`true`) or back in, if the message is one.
    pub(super) fn opts_out(&self) -> Option<bool> {
        match self.text.trim().to_ascii_uppercase().as_str() {
            "STOP" | "STOPALL" | "UNSUBSCRIBE" | "END" | "QUIT" | "CANCEL" | "REVOKE" | "OPTOUT" => Some(true),
            "START" | "YES" | "UNSTOP" => Some(false),
            _ => None,
        }
    }

    /// The webhook's form.
    pub(super) fn form(&self, origin: &str) -> Vec<(String, String)> {
        let is_on_whatsapp = is_on_whatsapp(&self.from);
        let (sid, files) = (self.sid.as_str(), self.files.len().to_string());
        let mut form = vec![];
        if is_on_whatsapp {
            form.extend([("ProfileName", "Ada"), ("WaId", bare(&self.from).trim_start_matches('+'))]);
        } else {
            // They are empty where Twilio does not know.
            form.extend([("ToCountry", "US"), ("ToState", ""), ("ToCity", ""), ("ToZip", "")]);
            form.extend([("FromCountry", "US"), ("FromState", ""), ("FromCity", ""), ("FromZip", "")]);
        }
        form.extend([("SmsMessageSid", sid), ("SmsSid", sid), ("MessageSid", sid), ("AccountSid", ACCOUNT_SID)]);
        form.extend([("SmsStatus", "received"), ("NumMedia", &files), ("NumSegments", "1"), ("Body", &self.text)]);
        form.extend([("From", self.from.as_str()), ("To", &self.to), ("ApiVersion", "2010-04-01")]);
        form.extend(self.service().map(|service| ("MessagingServiceSid", service)));
        form.extend(self.fields.iter().map(|(name, value)| (*name, value.as_str())));
        let mut form: Vec<_> = form.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (index, file) in self.files.iter().enumerate() {
            let url = format!("{origin}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media/{}", file.sid);
            form.push((format!("MediaUrl{index}"), url));
            form.push((format!("MediaContentType{index}"), file.content_type.clone()));
        }
        form
    }
}
