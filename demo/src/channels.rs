//! Conversations through channels: on Telegram and by SMS, with no messaging service between.

use crate::steps::{ANSWER, QUESTION, Show, Side, print_head};
use crate::text;
use demo::desk::CustomersSide;
use demo::telephone::{Provider, Telephone};
use serde_json::{Value, json};
use std::error::Error;
use tests::harness::listener::listen;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::telegram::Telegram;
use tests::simulators::twilio::Twilio;
use url::Url;

/// A channel with a customer's telephone.
pub(crate) struct Channel {
    pub(crate) title: &'static str,
    /// The name of its integration, and its id on the platform.
    integration: (&'static str, &'static str),
    pub(crate) customer: &'static str,
    telephone: Telephone,
}

impl Channel {
    /// Both channels. The page at `parent` may frame the telephones.
    pub(crate) fn all(parent: &Url) -> Result<[Self; 2], Box<dyn Error>> {
        let telephone = |provider| Telephone::on(listen(), provider, parent);
        Ok([
            Self {
                title: "Telegram",
                integration: ("acme-telegram", "2c3f0a52-84a4-44b4-a0a9-5f6b7f9d1c01"),
                customer: "5550010",
                telephone: telephone(Provider::Telegram(Telegram::start()))?,
            },
            Self {
                title: "SMS",
                integration: ("acme-sms", "8d5b1f6e-3f0e-4a53-9d0c-7a1f5e2b4c02"),
                customer: "+15005550010",
                telephone: telephone(Provider::Sms(Twilio::start()))?,
            },
        ])
    }

    /// The telephone beside the desk.
    pub(crate) fn side(&self) -> Result<CustomersSide, Box<dyn Error>> {
        Ok(CustomersSide {
            title: self.title.to_owned(),
            of: "simulated".to_owned(),
            url: self.telephone.url.parse()?,
            integration_id: self.integration.1.to_owned(),
            customer: Some(self.customer.to_owned()),
        })
    }

    /// Runs a conversation, prints each step and its result, and returns whether everything succeeded.
    pub(crate) async fn show(&self, stack: &Stack, platform: &GenesysCloud) -> Result<bool, Box<dyn Error>> {
        let (integration_name, id) = self.integration;
        let integration = self.telephone.connect(stack, platform, integration_name, id).await;
        let side = Side::Telephone(&self.telephone);
        let (customer, name, integration) = (self.customer, self.title, &integration);
        print_head(&format!("A conversation by {name}, without a messaging service:"));
        let mut show = Show { stack, integration, platform, side, customer, name, good: true };

        show.customer_writes(QUESTION).await?;
        let conversation = show.conversation()?;
        platform.join_conversation(&conversation).await;
        show.agent_writes(&conversation, ANSWER).await;
        show.card_with_days("postBack").await;
        let is_card = |side: &Side<'_>, received: &_| side.text(received).contains("12345");
        let card = show.arrives("Patchbay", "sends it by the channel", is_card).await.unwrap_or_default();
        let chosen = ("structured-response", r#"Button {"day":"tomorrow"}"#);
        if text(&card, "/buttons/0/text").is_empty() {
            show.customer_acts("answers 1", "messages", &json!({"text": "1"}), chosen).await?;
        } else {
            let press = json!({"message": text(&card, "/id"), "button": "Tomorrow"});
            show.customer_acts("taps Tomorrow", "presses", &press, chosen).await?;
        }
        show.agent_sends_a_picture(&conversation).await;
        let is_picture = |side: &Side<'_>, received: &Value| {
            received.pointer("/files/0").is_some() || side.text(received).contains("parcel.png")
        };
        show.arrives("Patchbay", "sends it by the channel", is_picture).await;
        show.customer_writes("There it is, thank you!").await?;
        // Left open, for you to choose.
        let answers = json!([
            {"type": "postBack", "title": "Very happy", "payload": "5"},
            {"type": "postBack", "title": "Not quite", "payload": "2"},
        ]);
        show.card("Are you happy with us?", "It takes one tap.", &answers).await;
        show.arrives("Patchbay", "sends it by the channel", |side, one| side.text(one).contains("happy")).await;
        show.receipts(&conversation).await;
        show.no_text_trace().await;
        println!();
        Ok(show.good)
    }
}
