//! The platforms' side of a channel's tests: what agents write, and what they see.

use futures::future::BoxFuture;
use serde_json::{Value, json};
use shared::platform::PlatformName;
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::multicloud_cx::api::MulticloudCx;
use tests::simulators::{genesys_cloud, highlevel, multicloud_cx};
use uuid::Uuid;

/// A platform with an account for one integration.
pub(super) enum Platform {
    GenesysCloud(GenesysCloud),
    MulticloudCx(MulticloudCx),
    HighLevel(HighLevel, highlevel::Keys),
}

/// A message of an agent.
pub(super) enum FromAgent<'m> {
    Text(&'m str),
    Picture {
        text: &'m str,
        url: &'m str,
    },
    Video {
        text: &'m str,
        url: &'m str,
    },
    /// A question with quick replies.
    Choice {
        text: &'m str,
        options: &'m [&'m str],
    },
    /// A card with a link and a button.
    Card {
        title: &'m str,
        image: &'m str,
        link: &'m str,
        button: &'m str,
    },
}

impl Platform {
    pub(super) async fn start(name: PlatformName) -> Self {
        match name {
            PlatformName::GenesysCloud => Self::GenesysCloud(GenesysCloud::start().await),
            PlatformName::MulticloudCx => Self::MulticloudCx(MulticloudCx::start().await),
            PlatformName::HighLevel => Self::HighLevel(HighLevel::start().await, highlevel::Keys::generate()),
        }
    }

    /// The name of an integration, its address on the platform, and its configuration, without a destination.
    fn configuration(&self) -> (String, String, Value) {
        let id = Uuid::new_v4().to_string();
        let name = format!("test-{id}");
        match self {
            Self::GenesysCloud(platform) => {
                let mut configuration = json!({
                    "platform": "genesys-cloud", "integrationId": id, "webhookSecrets": [WEBHOOK_SECRET],
                    "clientId": genesys_cloud::api::CLIENT_ID, "clientSecret": genesys_cloud::api::CLIENT_SECRET,
                });
                platform.host(&mut configuration);
                (name, id, configuration)
            }
            Self::MulticloudCx(platform) => {
                let address = "0123456789".to_owned();
                (name, address.clone(), multicloud_cx::configuration(&platform.url, &address, ""))
            }
            Self::HighLevel(platform, keys) => {
                let location = id.replace('-', "");
                let mut configuration = highlevel::configuration(&location, "");
                configuration["apiBaseUrl"] = platform.url.clone().into();
                configuration["trustedKeys"] = keys.trusted().into();
                (name, location, configuration)
            }
        }
    }

    /// Creates an integration with this channel in place of a messaging service.
    pub(super) async fn integration(&self, stack: &Stack, channel: &Value) -> TestIntegration {
        let (name, address, mut configuration) = self.configuration();
        stack.set_channel(&mut configuration, channel.clone());
        let integration = stack.integration_configured(&name, &address, &configuration).await;
        match self {
            Self::GenesysCloud(platform) => {
                platform.add_integration(&address, &integration.webhook_url(), WEBHOOK_SECRET);
                platform.allow_everything(&address);
            }
            Self::HighLevel(platform, _) => platform.set_location(&address),
            Self::MulticloudCx(_) => {}
        }
        integration
    }

    /// Posts a message of an agent to the webhook, and returns its id. Where agents have no options, a card of a caller has them.
    pub(super) async fn write(
        &self,
        stack: &Stack,
        integration: &TestIntegration,
        customer: &str,
        message: &FromAgent<'_>,
    ) -> String {
        let address = integration.integration_id.as_str();
        match self {
            Self::GenesysCloud(platform) => {
                let mut body = genesys_cloud::WIRE[0].fill(address, customer).json();
                message.fill_genesys_cloud(&mut body);
                let webhook = genesys_cloud::Webhook::new(body.to_string());
                // The platform accepts an answer to a message that it knows.
                platform.know_message(&webhook.id());
                webhook.accepted(stack, integration).await;
                webhook.id()
            }
            Self::MulticloudCx(_) if matches!(message, FromAgent::Choice { .. }) => {
                message.post_as_card(stack, integration, customer).await
            }
            Self::HighLevel(platform, _) if matches!(message, FromAgent::Choice { .. }) => {
                let contact = contact_of(platform, customer);
                message.post_as_card(stack, integration, &contact.phone.unwrap_or(contact.id)).await
            }
            Self::MulticloudCx(_) => {
                let mut body = multicloud_cx::sample("sms").fill(address, customer).json();
                body["text"] = message.text().into();
                if let Some(File { kind, mime, name, url }) = message.file() {
                    body["type"] = "RichMedia".into();
                    body["content"] =
                        json!([{"type": kind.to_lowercase(), "url": url, "mimetype": mime, "filename": name}]);
                }
                let webhook = multicloud_cx::Webhook::new(body.to_string());
                webhook.accepted(stack, integration).await;
                webhook.id()
            }
            Self::HighLevel(platform, keys) => {
                let contact = contact_of(platform, customer);
                let mut body = highlevel::Sample::wire("provider-sms").fill(address, &contact.id);
                body["phone"] = contact.phone.into();
                body["message"] = message.text().into();
                body["attachments"] = message.file().into_iter().map(|file| file.url).collect();
                keys.sign(&body).acknowledged(stack, integration).await;
                body["messageId"].as_str().expect("an id").to_owned()
            }
        }
    }

    /// Makes the customer with this phone number known to the platform, where it wants to know customers.
    pub(super) fn know(&self, phone: &str) {
        if let Self::HighLevel(platform, _) = self {
            let (id, phone) = (format!("contact-{}", Uuid::new_v4().simple()), Some(phone.to_owned()));
            platform.add_contact(highlevel::api::Contact { id, phone, email: None, name: None });
        }
    }

    /// What customers have written, as the platform got it: the texts, and the URLs of files.
    pub(super) fn customers_messages(&self) -> Vec<(String, Vec<String>)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::GenesysCloud(platform) => {
                let calls = platform.calls_of("inbound-message").into_iter();
                calls
                    .map(|call| {
                        let parts = call.body["content"].as_array().cloned().unwrap_or_default();
                        let urls =
                            parts.iter().map(|part| text(&part["attachment"]["url"])).filter(|url| !url.is_empty());
                        (text(&call.body["text"]), urls.collect())
                    })
                    .collect()
            }
            Self::MulticloudCx(platform) => {
                let messages = platform.messages().into_iter().filter(|message| message["type"] != "Receipt");
                messages
                    .map(|message| {
                        let parts = message["content"].as_array().cloned().unwrap_or_default();
                        (text(&message["text"]), parts.iter().map(|part| text(&part["url"])).collect())
                    })
                    .collect()
            }
            Self::HighLevel(platform, _) => platform
                .calls_of("inbound")
                .into_iter()
                .map(|call| {
                    let files = call.body["attachments"].as_array().cloned().unwrap_or_default();
                    (text(&call.body["message"]), files.iter().map(text).collect())
                })
                .collect(),
        }
    }

    /// The options that customers chose, by their payloads: only of platforms that know choices.
    pub(super) fn choices(&self) -> Option<Vec<Value>> {
        match self {
            Self::GenesysCloud(platform) => {
                Some(platform.calls_of("structured-response").into_iter().map(|call| call.body).collect())
            }
            _ => None,
        }
    }

    /// The ids of messages and their statuses, as the platform got them.
    pub(super) fn receipts(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::GenesysCloud(platform) => {
                let calls = platform.calls_of("receipt").into_iter();
                calls.map(|call| (text(&call.body["id"]), text(&call.body["status"]))).collect()
            }
            Self::MulticloudCx(platform) => {
                let receipts = platform.messages().into_iter().filter(|message| message["type"] == "Receipt");
                receipts.map(|message| (text(&message["channel"]["messageId"]), text(&message["status"]))).collect()
            }
            Self::HighLevel(platform, _) => platform
                .calls_of("status")
                .into_iter()
                .map(|call| {
                    let id = call.path.split('/').rev().nth(1).unwrap_or_default().to_owned();
                    (id, text(&call.body["status"]))
                })
                .collect(),
        }
    }

    /// Waits until `enough` of this platform.
    pub(super) async fn wait_until(&self, what: &str, enough: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + tests::simulators::messaging_service::WAIT_TIMEOUT;
        while !enough(self) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{what} did not arrive: {:?} {:?}",
                self.customers_messages(),
                self.receipts()
            );
            self.next_call().await;
        }
    }

    /// Waits for a call, at most for a short time: a call before this is not missed for long.
    async fn next_call(&self) {
        let next: BoxFuture<'_, ()> = match self {
            Self::GenesysCloud(platform) => {
                let count = platform.calls().len() + 1;
                Box::pin(async move { drop(platform.wait_for_calls(count).await) })
            }
            Self::MulticloudCx(platform) => {
                let count = platform.calls().len() + 1;
                Box::pin(async move { drop(platform.wait_for_calls(count).await) })
            }
            Self::HighLevel(platform, _) => {
                let count = platform.calls().len() + 1;
                Box::pin(async move { drop(platform.wait_for_calls(count).await) })
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), next).await;
    }
}

/// The file of a message.
struct File<'m> {
    /// As Genesys Cloud names it.
    kind: &'static str,
    mime: &'static str,
    name: &'static str,
    url: &'m str,
}

impl FromAgent<'_> {
    fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Picture { text, .. } | Self::Video { text, .. } | Self::Choice { text, .. } => {
                (*text).to_owned()
            }
            Self::Card { title, link, .. } => format!("{title} {link}"),
        }
    }

    fn file(&self) -> Option<File<'_>> {
        match self {
            Self::Picture { url, .. } => Some(File { kind: "Image", mime: "image/png", name: "map.png", url }),
            Self::Video { url, .. } => Some(File { kind: "Video", mime: "video/mp4", name: "tour.mp4", url }),
            Self::Text(_) | Self::Choice { .. } | Self::Card { .. } => None,
        }
    }

    /// Its options are quick replies of a card.
    async fn post_as_card(&self, stack: &Stack, integration: &TestIntegration, to: &str) -> String {
        let Self::Choice { options, .. } = self else { panic!("a message without options") };
        let reply = |option: &&str| json!({"title": option, "payload": format!("payload of {option}")});
        let replies: Vec<_> = options.iter().map(reply).collect();
        let body = json!({"to": to, "text": self.text(), "quickReplies": replies});
        let answer = Request::new(&body).with_bearer_token().post(stack, integration, "cards").await;
        assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    fn fill_genesys_cloud(&self, body: &mut Value) {
        match self {
            Self::Text(text) => body["text"] = (*text).into(),
            Self::Picture { text, .. } | Self::Video { text, .. } => {
                body["text"] = (*text).into();
                let attachments = self.file().into_iter().map(|File { kind, mime, name, url }| {
                    let attachment = json!({"mediaType": kind, "url": url, "mime": mime, "filename": name});
                    json!({"contentType": "Attachment", "attachment": attachment})
                });
                body["content"] = attachments.collect();
            }
            Self::Choice { text, options } => {
                body["type"] = "Structured".into();
                body["text"] = (*text).into();
                let replies = options.iter().map(|option| {
                    let reply = json!({"text": option, "payload": format!("payload of {option}"), "action": "Message"});
                    json!({"contentType": "QuickReply", "quickReply": reply})
                });
                body["content"] = replies.collect();
            }
            Self::Card { title, image, link, button } => {
                body["type"] = "Structured".into();
                body.as_object_mut().expect("an object").remove("text");
                let actions = json!([
                    {"type": "Link", "text": "See it", "url": link},
                    {"type": "Postback", "text": button, "payload": format!("payload of {button}")},
                ]);
                let card = json!({"title": title, "image": image, "actions": actions});
                body["content"] = json!([{"contentType": "Card", "card": card}]);
            }
        }
    }
}

/// The contact of a customer: the one with this phone number, or the newest without any.
fn contact_of(platform: &HighLevel, customer: &str) -> highlevel::api::Contact {
    let contacts = platform.contacts();
    let has_phone = contacts.iter().find(|contact| contact.phone.as_deref() == Some(customer));
    let newest = || contacts.iter().rev().find(|contact| contact.phone.is_none());
    has_phone.or_else(newest).cloned().expect("the customer has written")
}
