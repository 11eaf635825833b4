//! The vendor's published models, as far as we send them: fields, words, lengths. Whatever they do not have is refused.

use serde_json::{Map, Value};

/// What is wrong with a request.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) field: String,
    pub(super) message: String,
}

impl Invalid {
    pub(super) fn new(field: &str, message: &str) -> Self {
        Self { field: field.to_owned(), message: format!("{field} {message}") }
    }
}

const ID_TYPES: [&str; 3] = ["Email", "Phone", "Opaque"];
const STATUSES: [&str; 2] = ["Delivered", "Failed"];
const REASONS: [&str; 13] = [
    "MessageExpired",
    "RateLimited",
    "MessageNotAllowed",
    "GeneralError",
    "UnsupportedMessage",
    "UnknownMessage",
    "InvalidMessageStructure",
    "InvalidDestination",
    "ServerError",
    "MediaTypeNotAllowed",
    "InvalidMediaContentLength",
    "RecipientOptedOut",
    "DataFiltered",
];
const MESSENGERS: [&str; 5] = ["sms", "whatsapp", "open", "webmessaging", "apple"];

/// `SendAgentlessOutboundMessageRequest`.
pub(super) fn agentless(body: &Value) -> Result<(), Invalid> {
    let object = object("", body)?;
    only(
        object,
        &[
            "fromAddress",
            "toAddress",
            "externalContactId",
            "toAddressMessengerType",
            "textBody",
            "messagingTemplate",
            "useExistingActiveConversation",
        ],
    )?;
    text(object, "fromAddress", true)?;
    let to = text(object, "toAddress", false)?;
    let contact = text(object, "externalContactId", false)?;
    if to.or(contact).is_none() {
        return Err(Invalid::new("toAddress", "is required"));
    }
    let messenger = word(object, "toAddressMessengerType", &MESSENGERS, true)?;
    let written = text(object, "textBody", false)?;
    let limit = if messenger == Some("sms") { 765 } else { 2_000 };
    if written.is_some_and(|text| text.chars().count() > limit) {
        return Err(Invalid::new("textBody", "is too long"));
    }
    if messenger == Some("open") && (written.is_none() || object.contains_key("messagingTemplate")) {
        return Err(Invalid::new("textBody", "open messages are text only"));
    }
    boolean(object, "useExistingActiveConversation")
}

/// `OpenInboundNormalizedReceipt`, with the two statuses that the documentation supports.
pub(super) fn receipt(body: &Value) -> Result<(), Invalid> {
    let receipt = object("", body)?;
    only(receipt, &["id", "channel", "status", "reasons", "isFinalReceipt"])?;
    text(receipt, "id", true)?;
    let channel = object("channel", receipt.get("channel").unwrap_or(&Value::Null))?;
    only(channel, &["to", "time"])?;
    let time = text(channel, "time", true)?.unwrap_or_default();
    if time.len() != "2026-01-02T03:04:05.678Z".len() || time.parse::<jiff::Timestamp>().is_err() {
        return Err(Invalid::new("time", "is not a date with milliseconds"));
    }
    let to = object("to", channel.get("to").unwrap_or(&Value::Null))?;
    only(to, &["id", "idType", "nickname", "firstName", "lastName", "image", "email"])?;
    text(to, "id", true)?;
    word(to, "idType", &ID_TYPES, false)?;
    let status = word(receipt, "status", &STATUSES, true)?;
    for reason in receipt.get("reasons").and_then(Value::as_array).into_iter().flatten() {
        let reason = object("reasons", reason)?;
        only(reason, &["code", "message"])?;
        word(reason, "code", &REASONS, false)?;
        text(reason, "message", true)?;
        if status != Some("Failed") {
            return Err(Invalid::new("reasons", "belong to Failed receipts"));
        }
    }
    boolean(receipt, "isFinalReceipt")
}

fn object<'v>(field: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Invalid> {
    value.as_object().ok_or_else(|| Invalid::new(field, "must be an object"))
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), Invalid> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(Invalid::new(unknown, "is not a field of the model")),
        None => Ok(()),
    }
}

fn text<'v>(object: &'v Map<String, Value>, name: &str, required: bool) -> Result<Option<&'v str>, Invalid> {
    match object.get(name) {
        None if required => Err(Invalid::new(name, "is required")),
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Invalid::new(name, "must be a text")),
    }
}

fn word<'v>(
    object: &'v Map<String, Value>,
    name: &str,
    words: &[&str],
    required: bool,
) -> Result<Option<&'v str>, Invalid> {
    match text(object, name, required)? {
        Some(word) if !words.contains(&word) => Err(Invalid::new(name, "is not a word of the model")),
        word => Ok(word),
    }
}

fn boolean(object: &Map<String, Value>, name: &str) -> Result<(), Invalid> {
    match object.get(name) {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(_) => Err(Invalid::new(name, "must be true or false")),
    }
}
