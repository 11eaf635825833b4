//! The customers' side: a simulated channel, and the integration that connects it to a platform.

use super::platform::{FromAgent, Platform};
use serde_json::Value;
use shared::channel::ChannelName;
use shared::integration::Integration;
use shared::platform::PlatformName;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use tests::simulators::telegram::{CustomerFile, Source, Telegram, Update};
use tests::simulators::twilio::{self, Twilio};

const CHAT: i64 = 5_550_010;

pub(super) enum Channel {
    Twilio(Twilio),
    Telegram(Telegram),
}

/// What a customer got: a text, the URLs or names of its files, and the titles of its buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) files: Vec<String>,
    pub(super) buttons: Vec<String>,
}

/// A platform and a channel with an integration between them.
pub(super) struct Connection {
    pub(super) stack: Stack,
    pub(super) platform: Platform,
    pub(super) channel: Channel,
    pub(super) integration: TestIntegration,
    /// A customer's address in the channel.
    pub(super) customer: String,
}

impl Channel {
    fn start(name: ChannelName) -> Self {
        match name {
            ChannelName::Twilio => Self::Twilio(Twilio::start()),
            ChannelName::Telegram => Self::Telegram(Telegram::start()),
        }
    }

    /// The member `channel` of an integration's configuration.
    fn configuration(&self, stack: &Stack) -> Value {
        match self {
            Self::Twilio(twilio) => twilio.configuration(&stack.api_url),
            Self::Telegram(telegram) => telegram.configuration(&stack.api_url),
        }
    }
}

impl Connection {
    pub(super) async fn new(platform: PlatformName, channel: ChannelName) -> Self {
        Self::configured(platform, channel, |_| {}).await
    }

    /// With a changed configuration of the channel.
    pub(super) async fn configured(
        platform: PlatformName,
        channel: ChannelName,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let (stack, platform, channel) =
            (Stack::connect().await, Platform::start(platform).await, Channel::start(channel));
        let mut configuration = channel.configuration(&stack);
        change(&mut configuration);
        let integration = platform.integration(&stack, &configuration).await;
        let customer = match &channel {
            Channel::Twilio(_) => {
                let phone = "+15005550010".to_owned();
                platform.know(&phone);
                phone
            }
            Channel::Telegram(telegram) => {
                telegram.connect(&integration.route_url("channel"));
                telegram.deliver(&telegram.start_chat(CHAT, None)).await;
                CHAT.to_string()
            }
        };
        Self { stack, platform, channel, integration, customer }
    }

    /// Changes the configuration of the channel, as an operator does.
    pub(super) async fn configure(&self, channel: &Value) {
        let mut configuration = self.integration.stored_configuration().await;
        configuration["channel"] = channel.clone();
        self.integration.configure(&configuration).await;
    }

    /// The integration as it is stored.
    pub(super) async fn stored(&self) -> Integration {
        let configuration = self.integration.stored_configuration().await.to_string();
        Integration::parse(self.integration.name.clone(), &configuration).expect("a valid configuration")
    }

    /// An agent writes; returns the id of the message.
    pub(super) async fn agent(&self, message: &FromAgent<'_>) -> String {
        self.platform.write(&self.stack, &self.integration, &self.customer, message).await
    }

    /// Makes a picture of the platform available at this address.
    pub(super) fn publish(&self, url: &str, picture: &'static [u8]) {
        if let Channel::Telegram(telegram) = &self.channel {
            telegram.publish(url, "image/png", picture);
        }
    }

    pub(super) fn twilio(&self) -> &Twilio {
        let Channel::Twilio(twilio) = &self.channel else { panic!("another channel") };
        twilio
    }

    pub(super) fn telegram(&self) -> &Telegram {
        let Channel::Telegram(telegram) = &self.channel else { panic!("another channel") };
        telegram
    }

    /// The customer writes.
    pub(super) async fn customer_writes(&self, text: &str) {
        match &self.channel {
            Channel::Twilio(twilio) => {
                let inbound = twilio::Inbound::text(&self.customer, text);
                let webhook = twilio.inbound(&self.integration.route_url("channel"), &inbound);
                twilio.post(&webhook).await.assert_received();
            }
            Channel::Telegram(telegram) => deliver(telegram, &telegram.text(CHAT, text)).await,
        }
    }

    /// The customer sends a picture with a text.
    pub(super) async fn customer_sends(&self, picture: &'static [u8], text: &str) {
        match &self.channel {
            Channel::Twilio(twilio) => {
                let inbound = twilio::Inbound::text(&self.customer, text).with_file("image/png", picture);
                let webhook = twilio.inbound(&self.integration.route_url("channel"), &inbound);
                twilio.post(&webhook).await.assert_received();
            }
            Channel::Telegram(telegram) => {
                deliver(telegram, &telegram.file(CHAT, &CustomerFile::photo(picture), Some(text))).await;
            }
        }
    }

    /// The customer chooses the option with this number and title: by its number, or its button.
    pub(super) async fn customer_chooses(&self, number: usize, title: &str) {
        match &self.channel {
            Channel::Twilio(_) => self.customer_writes(&number.to_string()).await,
            Channel::Telegram(telegram) => {
                let sent = telegram.sent_to(CHAT).into_iter().rev().find(|sent| sent.button(title).is_some());
                deliver(telegram, &telegram.press(&sent.expect("a button"), title)).await;
                telegram.wait_until_answered().await;
            }
        }
    }

    /// What the customer got, in order.
    pub(super) fn shown(&self) -> Vec<Shown> {
        match &self.channel {
            Channel::Twilio(twilio) => {
                let messages = twilio.messages_to(&self.customer).into_iter();
                messages
                    .map(|message| Shown { text: message.body, files: message.media_urls, buttons: vec![] })
                    .collect()
            }
            Channel::Telegram(telegram) => telegram
                .sent_to(CHAT)
                .into_iter()
                .map(|sent| Shown {
                    buttons: sent.buttons().into_iter().map(str::to_owned).collect(),
                    files: sent.file.iter().map(|file| source(&file.source)).collect(),
                    text: sent.text,
                })
                .collect(),
        }
    }

    /// Waits until the customer has got so many messages, and returns all.
    pub(super) async fn wait_for_shown(&self, count: usize) -> Vec<Shown> {
        match &self.channel {
            Channel::Twilio(twilio) => {
                let to = self.customer.as_str();
                let enough =
                    |messages: &[twilio::Message]| messages.iter().filter(|message| message.to == to).count() >= count;
                twilio.wait_until(enough).await;
            }
            Channel::Telegram(telegram) => {
                telegram.wait_until(|sent| sent.len() >= count).await;
            }
        }
        self.shown()
    }

    /// Waits until the platform has this receipt.
    pub(super) async fn wait_for_receipt(&self, message_id: &str, status: &str) {
        let wanted = |(id, word): &(String, String)| id == message_id && word.eq_ignore_ascii_case(status);
        self.platform.wait_until("the receipt", |platform| platform.receipts().iter().any(wanted)).await;
    }

    /// Waits until the platform has what customers wrote.
    pub(super) async fn wait_for_customers(&self, count: usize) -> Vec<(String, Vec<String>)> {
        self.platform
            .wait_until("the customer's message", |platform| platform.customers_messages().len() >= count)
            .await;
        self.platform.customers_messages()
    }

    /// The bytes behind a link that the platform got.
    pub(super) async fn fetch(&self, url: &str) -> (u16, String, Vec<u8>) {
        let response = self.stack.http.get(url).timeout(WAIT_TIMEOUT).send().await.expect("the stack answers");
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let (status, content_type) = (response.status().as_u16(), content_type.unwrap_or_default().to_owned());
        (status, content_type, response.bytes().await.expect("a body").to_vec())
    }
}

/// Posts an update, which must be accepted at once.
async fn deliver(telegram: &Telegram, update: &Update) {
    let answer = telegram.post(update).await;
    assert!(answer.is_success(), "{answer:?}");
}

/// Where a file is from.
fn source(source: &Source) -> String {
    match source {
        Source::Url(url) => url.clone(),
        other => format!("{other:?}"),
    }
}
