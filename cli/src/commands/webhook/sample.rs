//! Sample webhooks of each platform.

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::platform::{PlatformConfig, PlatformName};
use uuid::Uuid;

/// The messaging service receives every kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An agent is typing (Genesys Cloud)
    Typing,
    /// A receipt for an unknown message (Genesys Cloud, Multicloud CX)
    Receipt,
    /// A completed telephone call (HighLevel)
    Call,
    /// A voicemail (HighLevel)
    Voicemail,
    /// A text for the messaging service to send
    Text,
    /// A file to send
    File,
    /// An email to send (Multicloud CX, HighLevel)
    Email,
    /// A question with quick replies (Genesys Cloud)
    QuickReplies,
    /// A card with buttons (Genesys Cloud)
    Card,
    /// Several cards (Genesys Cloud)
    Carousel,
    /// A choice of dates (Genesys Cloud)
    DatePicker,
    /// A message from a template (Genesys Cloud)
    Template,
}

/// The duration of the typing event. The dispatcher drops the event after that time.
const TYPING_MILLISECONDS: u64 = 120_000;

const FILE_URL: &str = "https://example.com/parcel.png";

impl Kind {
    /// Whether a customer gets it. The others end at the messaging service.
    pub(crate) fn reaches_customers(self) -> bool {
        !matches!(self, Self::Typing | Self::Receipt | Self::Call | Self::Voicemail)
    }

    /// The platform's kinds. The first one sends nothing to a customer.
    pub(crate) fn of(platform: PlatformName) -> &'static [Self] {
        match platform {
            PlatformName::GenesysCloud => &[
                Self::Typing,
                Self::Receipt,
                Self::Text,
                Self::File,
                Self::QuickReplies,
                Self::Card,
                Self::Carousel,
                Self::DatePicker,
                Self::Template,
            ],
            PlatformName::MulticloudCx => &[Self::Receipt, Self::Text, Self::File, Self::Email],
            PlatformName::HighLevel => &[Self::Call, Self::Voicemail, Self::Text, Self::File, Self::Email],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Receipt => "receipt",
            Self::Call => "call",
            Self::Voicemail => "voicemail",
            Self::Text => "text",
            Self::File => "file",
            Self::Email => "email",
            Self::QuickReplies => "quick-replies",
            Self::Card => "card",
            Self::Carousel => "carousel",
            Self::DatePicker => "date-picker",
            Self::Template => "template",
        }
    }
}

/// A webhook body of a platform, with new ids. `None` if the platform has no such kind.
pub(crate) fn body(platform: &PlatformConfig, kind: Kind, customer: &str, text: &str) -> Option<Value> {
    let id = Uuid::new_v4().simple().to_string();
    let now = Timestamp::now().to_string();
    match platform {
        PlatformConfig::GenesysCloud(_) => genesys_cloud(platform.channel_id(), kind, customer, text, &id, &now),
        PlatformConfig::MulticloudCx(_) => multicloud_cx(platform.channel_id(), kind, customer, text, &id),
        PlatformConfig::HighLevel(config) => {
            let mut body = highlevel(platform.channel_id(), kind, customer, text, &id, &now)?;
            if let (Some(app), Kind::Call | Kind::Voicemail) = (&config.app_id, kind) {
                merge(&mut body, json!({ "appId": app }));
            }
            Some(body)
        }
    }
}

fn genesys_cloud(integration: &str, kind: Kind, customer: &str, text: &str, id: &str, now: &str) -> Option<Value> {
    let (company, customer) =
        (json!({"id": integration, "idType": "Opaque"}), json!({"id": customer, "idType": "Opaque"}));
    let (from, to, direction) = match kind {
        Kind::Receipt => (customer, company, "Inbound"),
        _ => (company, customer, "Outbound"),
    };
    let channel = json!({
        "id": integration, "platform": "Open", "type": "Private", "from": from, "to": to, "time": now, "messageId": id,
    });
    let mut body = json!({"id": id, "channel": channel, "direction": direction, "originatingEntity": "Human"});
    let card = |title: &str| {
        json!({
            "title": title, "description": "A card of a test.",
            "actions": [{"type": "Link", "text": "Open it", "url": "https://example.com/"},
                {"type": "Postback", "text": "Choose it", "payload": "chosen"}],
        })
    };
    let structured = |content: Value| json!({"type": "Structured", "content": content});
    let more = match kind {
        Kind::Typing => {
            let typing = json!({"type": "On", "duration": TYPING_MILLISECONDS});
            json!({"type": "Event", "events": [{"eventType": "Typing", "typing": typing}]})
        }
        Kind::Receipt => json!({"type": "Receipt", "status": "Published", "isFinalReceipt": true}),
        Kind::Text => json!({"type": "Text", "text": text}),
        Kind::File => {
            let file = json!({"mediaType": "Image", "url": FILE_URL, "mime": "image/png", "filename": "parcel.png"});
            json!({"type": "Text", "content": [{"contentType": "Attachment", "attachment": file}]})
        }
        Kind::QuickReplies => {
            let reply = |text: &str| json!({"contentType": "QuickReply", "quickReply": {"text": text, "payload": text, "action": "Message"}});
            json!({"type": "Structured", "text": text, "content": [reply("Yes"), reply("No")]})
        }
        Kind::Card => structured(json!([{"contentType": "Card", "card": card("First")}])),
        Kind::Carousel => {
            let cards = [card("First"), card("Second")];
            structured(json!([{"contentType": "Carousel", "carousel": {"cards": cards}}]))
        }
        Kind::DatePicker => {
            let times = [json!({"dateTime": now, "duration": 1800})];
            let picker = json!({"id": "date", "title": "When?", "availableTimes": times});
            structured(json!([{"contentType": "DatePicker", "datePicker": picker}]))
        }
        Kind::Template => {
            let template = json!({"id": "test", "language": "en", "body": {"text": text}});
            structured(json!([{"contentType": "Notification", "template": template}]))
        }
        Kind::Call | Kind::Voicemail | Kind::Email => return None,
    };
    merge(&mut body, more);
    Some(body)
}

fn multicloud_cx(channel: &str, kind: Kind, customer: &str, text: &str, id: &str) -> Option<Value> {
    let mut body = json!({
        "channel": {"id": channel, "from": {"id": channel}, "to": {"id": customer}, "messageId": id},
    });
    let more = match kind {
        Kind::Receipt => json!({"type": "Receipt", "status": "Delivered"}),
        Kind::Text => json!({"type": "Text", "text": text}),
        Kind::File => {
            let file = json!({"type": "image", "url": FILE_URL, "mimetype": "image/png", "filename": "parcel.png"});
            json!({"type": "RichMedia", "content": [file]})
        }
        Kind::Email => json!({"type": "Email", "subject": "Test", "content": [{"type": "text", "text": text}]}),
        _ => return None,
    };
    merge(&mut body, more);
    Some(body)
}

fn highlevel(location: &str, kind: Kind, contact: &str, text: &str, id: &str, now: &str) -> Option<Value> {
    let call = |kind: Value| {
        let mut call = json!({
            "type": "OutboundMessage", "timestamp": now, "webhookId": Uuid::new_v4().to_string(), "dateAdded": now,
            "direction": "outbound", "callDuration": 1, "status": "completed",
        });
        merge(&mut call, kind);
        call
    };
    let mut body = match kind {
        Kind::Call => call(json!({"messageType": "CALL", "messageTypeString": "TYPE_CALL", "callStatus": "completed"})),
        Kind::Voicemail => {
            call(json!({"messageType": "VoiceMail", "attachments": ["https://example.com/voicemail.mp3"]}))
        }
        Kind::Text => json!({"type": "SMS", "message": text}),
        Kind::File => json!({"type": "SMS", "message": "", "attachments": [FILE_URL]}),
        Kind::Email => json!({
            "type": "Email", "emailMessageId": Uuid::new_v4().simple().to_string(), "emailTo": ["test@example.com"],
            "emailFrom": "patchbay@example.com", "subject": "Test", "html": format!("<p>{text}</p>"), "message": text,
            "attachments": [],
        }),
        _ => return None,
    };
    merge(&mut body, json!({"locationId": location, "messageId": id, "contactId": contact}));
    Some(body)
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::integration::Integration;
    use shared::model::message::{Intent, Message};
    use shared::platform::Received;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn platforms() -> Vec<PlatformConfig> {
        [
            json!({
                "platform": "genesys-cloud", "domain": "mypurecloud.de", "integrationId": "i", "clientId": "c",
                "clientSecret": "s", "webhookSecrets": ["0123456789abcdef"],
            }),
            json!({
                "platform": "multicloud-cx", "apiBaseUrl": "https://example.com", "contactCenterId": "c",
                "channelId": "company.com", "appSecrets": ["0123456789abcdef"],
            }),
            json!({"platform": "highlevel", "locationId": "l", "appId": "a", "token": "t"}),
        ]
        .into_iter()
        .map(|mut document| {
            document["delivery"] = json!({"url": "https://example.com/", "signingSecrets": [SECRET]});
            Integration::parse("acme".parse().unwrap(), &document.to_string()).unwrap().platform
        })
        .collect()
    }

    fn accepted(platform: &PlatformConfig, kind: Kind) -> Message {
        let body = body(platform, kind, "customer", "hello").unwrap().to_string();
        match platform.parse_webhook(body.as_bytes(), Timestamp::now()) {
            Ok(Received::Message(message)) => *message,
            other => panic!("{kind:?}: {other:?}"),
        }
    }

    #[test]
    fn every_sample_is_accepted_as_its_kind() {
        for platform in platforms() {
            for kind in Kind::of(platform.name()) {
                let message = accepted(&platform, *kind);
                let expected = match kind {
                    Kind::File if platform.name() == PlatformName::MulticloudCx => "structured",
                    Kind::Text | Kind::File => "text",
                    Kind::QuickReplies | Kind::Card | Kind::Carousel | Kind::DatePicker | Kind::Template => {
                        "structured"
                    }
                    same => same.name(),
                };
                assert_eq!(expected, message.kind.name().to_ascii_lowercase(), "{kind:?}");
                assert!(message.customer().is_some(), "{kind:?}");
            }
        }
    }

    #[test]
    fn the_first_sample_of_each_platform_sends_nothing_to_a_customer() {
        for platform in platforms() {
            let message = accepted(&platform, Kind::of(platform.name())[0]);
            let sends_nothing = matches!(message.kind.name(), "Typing" | "Receipt");
            assert!(sends_nothing || message.intent == Intent::Sent, "{message:?}");
        }
    }

    #[test]
    fn two_samples_are_two_messages() {
        let name = "acme".parse().unwrap();
        for platform in platforms() {
            for kind in Kind::of(platform.name()) {
                let [one, other] = [(), ()].map(|()| accepted(&platform, *kind).deduplication_id(&name));
                assert_ne!(one, other);
            }
        }
    }
}
