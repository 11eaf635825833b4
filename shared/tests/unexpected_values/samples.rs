//! The messages whose members are replaced.

use serde_json::{Value, json};
use shared::integration::Integration;
use shared::model::message::Message;
use shared::platform::{PlatformConfig, PlatformName, Received};
use std::fs;
use std::path::Path;

const INTEGRATION: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";

/// A template with its text in both formats: if one is missing, the other is used, so that `content[]` differs.
pub(crate) const BOTH_FORMS: &str = "a template in both forms";

/// A message that a platform sends.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) platform: PlatformName,
    pub(crate) body: Value,
}

impl Sample {
    /// The message of `body` as in a delivery, and its kind. `None` if it is not accepted.
    pub(crate) fn normalized(&self, body: &Value) -> Option<Value> {
        let body = body.to_string();
        let accepted = config(self.platform).parse_webhook(body.as_bytes(), "2026-01-02T03:04:06Z".parse().unwrap());
        let Ok(Received::Message(accepted)) = accepted else { return None };
        let message = self.platform.parse_message(body.as_bytes()).unwrap();
        assert_eq!(identity(&accepted), identity(&message), "{body}");
        let mut normalized = serde_json::to_value(&message).unwrap();
        normalized["kind"] = message.kind.name().into();
        Some(normalized)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.ends_with(name)
    }
}

/// What the receiver needs. It is the same when the message is accepted and when it is delivered.
fn identity(message: &Message) -> impl PartialEq + std::fmt::Debug {
    let acme = "acme".parse().unwrap();
    (
        (message.message_id.clone(), message.conversation_id.clone(), message.kind.name()),
        (message.deduplication_id(&acme), message.ordering_group(&acme)),
    )
}

fn config(platform: PlatformName) -> PlatformConfig {
    let own = match platform {
        PlatformName::GenesysCloud => json!({
            "platform": "genesys-cloud", "domain": "eu-central-1", "integrationId": INTEGRATION, "clientId": "client",
            "clientSecret": "secret", "webhookSecrets": ["a-secret-of-some-length"],
        }),
        PlatformName::MulticloudCx => json!({
            "platform": "multicloud-cx", "apiBaseUrl": "https://api.example.com/digital",
            "contactCenterId": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd", "channelId": "0123456789",
            "appSecrets": ["secret-of-the-app"],
        }),
        PlatformName::HighLevel => json!({"platform": "highlevel", "locationId": "<Location ID>", "token": "t"}),
    };
    let mut document = own;
    document["delivery"] =
        json!({"url": "https://e.com/", "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]});
    let integration = Integration::parse("acme".parse().unwrap(), &document.to_string());
    integration.unwrap_or_else(|errors| panic!("{errors:?}")).platform
}

/// The fixtures of all platforms that are messages, and some with nearly all members.
pub(crate) fn samples() -> Vec<Sample> {
    let mut samples = vec![Sample {
        name: "everything".to_owned(),
        platform: PlatformName::GenesysCloud,
        body: json!({
            "id": "message", "type": "Structured", "direction": "Outbound", "conversationId": "conversation",
            "originatingEntity": "Bot", "metadata": {"order": "order-17"},
            "channel": {
                "id": INTEGRATION, "messageId": "message", "time": "2026-01-02T03:04:05Z", "type": "Public",
                "publicMetadata": {"replyToId": "post-2", "rootId": "post-1", "url": "https://e.com/post-2"},
                "from": {"id": INTEGRATION, "nickName": "Acme"},
                "to": {
                    "id": "customer", "idType": "Phone", "nickname": "Ada L.", "firstName": "Ada", "lastName": "Lovelace",
                    "email": "ada@example.com", "image": "https://e.com/ada.png", "externalContactId": "contact",
                    "additionalIds": [{"type": "PhoneNumber", "value": "+15550100"}, {"type": "Username", "value": "ada"}],
                },
            },
            "content": [
                {"contentType": "Text", "text": {"type": "Text", "body": "first line"}},
                {"contentType": "Attachment", "attachment": {"mediaType": "File", "url": "https://e.com/a", "contentSizeBytes": 7}},
                {"contentType": "Attachment", "attachment": {"mediaType": "Image", "url": "https://e.com/b", "filename": "b"}},
                {"contentType": "Notification", "template": {
                    "header": {"text": "header"}, "footer": {"text": "footer"}, "buttons": [{"text": "button"}],
                    "body": {"text": "second line", "parameters": [{"name": "name", "text": "value"}]},
                }},
                {"contentType": "ListPicker", "listPicker": {"sections": [{"title": "section"}]}},
                {"contentType": "Notification", "template": {
                    "header": {"text": "for {{who}}", "parameters": [{"name": "who", "text": "Grace"}]},
                    "body": {"text": "{{2}} before {{1}}", "parameters": [{"text": "Linus"}, {"text": "Margaret"}]},
                    "buttons": [
                        {"type": "Url", "text": "look", "url": "https://e.com/{{1}}", "parameters": [{"name": "1", "text": "c"}]},
                        {"type": "PhoneNumber", "text": "call", "phoneNumber": "+15550123"},
                    ],
                }},
                {"contentType": "Card", "card": {
                    "title": "card", "description": "described", "image": "https://e.com/d", "video": "https://e.com/e",
                    "defaultAction": {"type": "Link", "url": "https://e.com/f"},
                    "actions": [
                        {"type": "Link", "text": "follow", "url": "https://e.com/g"},
                        {"type": "Postback", "text": "choose", "payload": "chosen"},
                    ],
                }},
                {"contentType": "Carousel", "carousel": {"cards": [{"title": "left"}, {"title": "right"}]}},
                {"contentType": "QuickReply", "quickReply": {"text": "yes", "payload": "says yes"}},
                {"contentType": "QuickReplyV2", "quickReplyV2": {
                    "title": "quick", "actions": [{"text": "morning", "payload": "m"}, {"text": "evening", "payload": "n"}],
                }},
                {"contentType": "DatePicker", "datePicker": {
                    "title": "when", "subtitle": "half an hour", "location": {"address": "Main Street"},
                    "availableTimes": [{"dateTime": "2026-12-03T09:00:00Z", "duration": 1800}, {"dateTime": "2026-12-04T10:00:00Z"}],
                }},
            ],
        }),
    }];
    let text = json!({"type": "text", "text": "plain words"});
    let html = json!({"type": "html", "text": "<p>marked words</p>"});
    let image = json!({"type": "image", "text": "caption", "url": "https://e.com/h", "filename": "h"});
    let new = json!({"type": "new", "title": "headline", "text": "novel"});
    for (name, body) in [
        ("every part", json!({"type": "RichMedia", "content": [text, html, image, new]})),
        ("every part of an email", json!({"type": "Email", "subject": "s", "content": [text, html, image, new]})),
        ("text and HTML", json!({"type": "RichMedia", "content": [text, html]})),
        ("text and an HTML part", json!({"type": "RichMedia", "text": "plain", "content": [html]})),
        ("an email with one part", json!({"type": "Email", "subject": "s", "content": [text]})),
    ] {
        let mut body = body;
        let channel_type = if body["type"] == "Email" { "email" } else { "sms" };
        body["channel"] = json!({"id": "0123456789", "type": channel_type, "to": {"id": "c"}, "messageId": "m"});
        samples.push(Sample { name: name.to_owned(), platform: PlatformName::MulticloudCx, body });
    }
    let template = json!({"body": {"text": "Hi"}, "text": "Hello"});
    samples.push(Sample {
        name: BOTH_FORMS.to_owned(),
        platform: PlatformName::GenesysCloud,
        body: json!({
            "id": "m", "type": "Structured", "channel": {"id": INTEGRATION, "from": {"id": INTEGRATION}},
            "content": [{"contentType": "Notification", "template": template}],
        }),
    });
    for (folder, platform) in [
        ("genesys-cloud/documentation", PlatformName::GenesysCloud),
        ("genesys-cloud/wire", PlatformName::GenesysCloud),
        ("multicloud-cx", PlatformName::MulticloudCx),
        ("highlevel/documentation", PlatformName::HighLevel),
        ("highlevel/wire", PlatformName::HighLevel),
    ] {
        for (name, text) in fixtures(folder) {
            let text = text.replace("<Integration ID>", INTEGRATION).replace("<Channel>", "0123456789");
            let Ok(mut body) = serde_json::from_str::<Value>(&text.replace("<Time>", "2026-01-02T03:04:05Z")) else {
                continue;
            };
            if platform == PlatformName::HighLevel {
                body["locationId"] = "<Location ID>".into();
            }
            let sample = Sample { name, platform, body };
            if sample.normalized(&sample.body).is_some() {
                samples.push(sample);
            }
        }
    }
    assert_eq!(47, samples.len());
    samples
}

pub(crate) fn fixtures(folder: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder);
    let files = fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let named = |path: &Path| format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap());
    files.map(|path| (named(&path), fs::read_to_string(&path).unwrap())).collect()
}
