//! Where messages for customers go, as far as a configuration says so.

use super::super::document::Document;
use super::check;
use crate::error::CliError;
use crate::ui::prompt;
use serde_json::Value;
use shared::channel::ChannelName;
use shared::model::integration_name::IntegrationName;
use std::fmt;

pub(super) const CHANNEL_KIND: &str = "/channel/kind";
pub(super) const PUBLIC_URL: &str = "/channel/publicUrl";

/// The prefix of a sender's address.
const WHATSAPP: &str = "whatsapp:";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DestinationKind {
    MessagingService,
    Channel(ChannelName),
}

impl fmt::Display for DestinationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessagingService => formatter.write_str("a messaging service"),
            Self::Channel(channel) => write!(formatter, "the channel {}", channel.as_str()),
        }
    }
}

impl DestinationKind {
    /// `None` if the document does not say, or names an unknown channel.
    pub(super) fn of(document: &Document) -> Option<Self> {
        match document.get(CHANNEL_KIND) {
            Some(kind) => ChannelName::from_field(kind.clone()).ok().map(Self::Channel),
            None if document.get("/channel").is_some() => None,
            None => document.get("/delivery").map(|_| Self::MessagingService),
        }
    }
}

/// Removes what the given fields replace: a messaging service, or another channel or sender.
pub(super) fn make_way(document: &mut Document, given: &Document) {
    match (given.get(CHANNEL_KIND), given.get("/delivery/url")) {
        (Some(_), Some(_)) => {}
        (Some(kind), None) => {
            document.remove("/delivery");
            if document.get(CHANNEL_KIND) != Some(kind) {
                document.remove("/channel");
            }
        }
        (None, Some(_)) if given.get("/channel").is_none() => document.remove("/channel"),
        (None, _) => {}
    }
    let (address, service) = ("/channel/from", "/channel/messagingServiceSid");
    match (given.get(address).is_some(), given.get(service).is_some()) {
        (true, false) => {
            document.remove(service);
            document.remove("/channel/whatsApp");
        }
        (false, true) => document.remove(address),
        _ => {}
    }
    if is_on_whatsapp(given) {
        document.remove("/channel/mms");
    }
}

fn is_on_whatsapp(given: &Document) -> bool {
    let is_address =
        |from: &str| from.get(..WHATSAPP.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(WHATSAPP));
    let sender = given.get("/channel/from").and_then(Value::as_str);
    sender.is_some_and(is_address) || given.get("/channel/whatsApp") == Some(&Value::Bool(true))
}

/// Asks for the destination, if neither is known. Returns whether it asked.
pub(super) fn prompt_kind(document: &mut Document, name: &IntegrationName) -> Result<bool, CliError> {
    if document.get("/delivery").is_some() || document.get(CHANNEL_KIND).is_some() {
        return Ok(false);
    }
    let service = document.get("/channel").is_none().then_some(("messaging-service", None));
    let channels = ChannelName::ALL.map(|channel| (channel.as_str(), Some(channel)));
    let words: Vec<_> = service.into_iter().chain(channels).collect();
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let chosen = prompt::one_of(&format!("Messages for customers go to ({})", names.join(", ")), &words)?;
    if let Some(channel) = chosen {
        document.set(CHANNEL_KIND, channel.as_str().into());
        check::field_at(document, name, CHANNEL_KIND).map_err(|why| CliError::Usage(format!("the channel {why}")))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replaced(stored: &Value, given: &Value) -> Value {
        let document = |value: &Value| Document::parse(&value.to_string()).unwrap();
        let (mut target, given) = (document(stored), document(given));
        make_way(&mut target, &given);
        target.merge(&given);
        target.value().clone()
    }

    #[test]
    fn a_destination_replaces_another_one_and_changes_itself() {
        let delivery = json!({"delivery": {"url": "u", "signingSecrets": ["s"]}});
        let telegram = json!({"channel": {"kind": "telegram", "botToken": "t"}});
        let twilio = json!({"channel": {"kind": "twilio", "from": "+1"}});
        for (stored, given) in [(&delivery, &telegram), (&telegram, &twilio), (&twilio, &delivery)] {
            assert_eq!(*given, replaced(stored, given));
        }
        let changed = replaced(&telegram, &json!({"channel": {"kind": "telegram", "acceptStart": true}}));
        assert_eq!(json!({"channel": {"kind": "telegram", "botToken": "t", "acceptStart": true}}), changed);
        let service = replaced(&twilio, &json!({"channel": {"messagingServiceSid": "MG"}}));
        assert_eq!(json!({"channel": {"kind": "twilio", "messagingServiceSid": "MG"}}), service);
    }

    #[test]
    fn a_sender_on_whatsapp_replaces_one_with_mms() {
        let stored = json!({"channel": {"kind": "twilio", "from": "+1", "mms": true}});
        let sender = json!({"channel": {"kind": "twilio", "from": "WhatsApp:+1"}});
        assert_eq!(sender, replaced(&stored, &json!({"channel": {"from": "WhatsApp:+1"}})));
        let service = json!({"channel": {"kind": "twilio", "messagingServiceSid": "MG", "whatsApp": true}});
        assert_eq!(service, replaced(&stored, &service));
        for kept in [json!({"from": "+2"}), json!({"messagingServiceSid": "MG", "whatsApp": false})] {
            let channel = replaced(&stored, &json!({"channel": kept})).pointer("/channel/mms").cloned();
            assert_eq!(Some(json!(true)), channel, "{kept}");
        }
        // It is given: the parser refuses it.
        let given = json!({"channel": {"kind": "twilio", "from": "whatsapp:+1", "mms": true}});
        assert_eq!(given, replaced(&stored, &given));
    }

    #[test]
    fn what_is_contradictory_is_left_to_the_parser() {
        let both = json!({"delivery": {"url": "u"}, "channel": {"kind": "telegram"}});
        assert_eq!(both, replaced(&json!({}), &both));
    }
}
