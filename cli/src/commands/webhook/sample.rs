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
    /// A text for the messaging service to send
    Text,
}

/// The duration of the typing event. The dispatcher drops the event after that time.
const TYPING_MILLISECONDS: u64 = 120_000;

impl Kind {
    /// The platform's kinds. The first one sends nothing to a customer.
    pub(crate) fn of(platform: PlatformName) -> &'static [Self] {
        match platform {
            PlatformName::GenesysCloud => &[Self::Typing, Self::Receipt, Self::Text],
            PlatformName::MulticloudCx => &[Self::Receipt, Self::Text],
            PlatformName::HighLevel => &[Self::Call, Self::Text],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Typing => "typing",
            Self::Receipt => "receipt",
            Self::Call => "call",
            Self::Text => "text",
        }
    }
}

/// A webhook body of a platform, with new ids.
pub(crate) fn body(platform: &PlatformConfig, kind: Kind, customer: &str, text: &str) -> Value {
    let id = Uuid::new_v4().simple().to_string();
    let now = Timestamp::now().to_string();
    match platform {
        PlatformConfig::GenesysCloud(_) => genesys_cloud(platform.channel_id(), kind, customer, text, &id, &now),
        PlatformConfig::MulticloudCx(_) => multicloud_cx(platform.channel_id(), kind, customer, text, &id),
        PlatformConfig::HighLevel(config) => {
            let mut body = highlevel(platform.channel_id(), kind, customer, text, &id, &now);
            if let (Some(app), Kind::Call) = (&config.app_id, kind) {
                merge(&mut body, json!({ "appId": app }));
            }
            body
        }
    }
}

fn genesys_cloud(integration: &str, kind: Kind, customer: &str, text: &str, id: &str, now: &str) -> Value {
    let (company, customer) =
        (json!({"id": integration, "idType": "Opaque"}), json!({"id": customer, "idType": "Opaque"}));
    let (from, to, direction) = match kind {
        Kind::Receipt => (customer, company, "Inbound"),
        _ => (company, customer, "Outbound"),
    };
    let channel = json!({
        "id": integration, "platform": "Open", "type": "Private", "from": from, "to": to, "time": now, "messageId": id,
    });
    let mut body = json!({"id": id, "channel": channel, "direction": direction});
    let more = match kind {
        Kind::Typing => {
            let typing = json!({"type": "On", "duration": TYPING_MILLISECONDS});
            json!({"type": "Event", "events": [{"eventType": "Typing", "typing": typing}]})
        }
        Kind::Receipt => json!({"type": "Receipt", "status": "Published", "isFinalReceipt": true}),
        Kind::Call | Kind::Text => json!({"type": "Text", "text": text, "originatingEntity": "Human"}),
    };
    merge(&mut body, more);
    body
}

fn multicloud_cx(channel: &str, kind: Kind, customer: &str, text: &str, id: &str) -> Value {
    let channel = json!({"id": channel, "from": {"id": channel}, "to": {"id": customer}, "messageId": id});
    match kind {
        Kind::Receipt => json!({"channel": channel, "type": "Receipt", "status": "Delivered"}),
        Kind::Typing | Kind::Call | Kind::Text => json!({"channel": channel, "type": "Text", "text": text}),
    }
}

fn highlevel(location: &str, kind: Kind, contact: &str, text: &str, id: &str, now: &str) -> Value {
    match kind {
        Kind::Call => json!({
            "type": "OutboundMessage", "locationId": location, "timestamp": now,
            "webhookId": Uuid::new_v4().to_string(), "messageId": id, "contactId": contact, "dateAdded": now,
            "direction": "outbound", "messageType": "CALL", "messageTypeString": "TYPE_CALL", "callDuration": 1, "callStatus": "completed",
            "status": "completed",
        }),
        Kind::Typing | Kind::Receipt | Kind::Text => json!({
            "type": "SMS", "locationId": location, "messageId": id, "contactId": contact, "message": text,
        }),
    }
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
        let body = body(platform, kind, "customer", "hello").to_string();
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
                assert_eq!(kind.name(), message.kind.name().to_ascii_lowercase());
                assert_eq!(Some("customer"), message.customer());
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
