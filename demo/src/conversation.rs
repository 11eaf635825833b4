//! A conversation in both directions: the customer on the sample messaging service's page, the agent on the simulated
//! platform.

use crate::steps::{ANSWER, QUESTION, Show, Side, print_head};
use crate::{INTEGRATION_ID, text};
use serde_json::json;
use std::error::Error;
use tests::harness::sample_service::SampleService;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::{Conversation, GenesysCloud};
use tests::simulators::genesys_cloud::events::EventSource;

pub(crate) const CUSTOMER: &str = "ada";

/// Runs the conversation, prints each step and its result, and returns whether everything succeeded.
pub(crate) async fn show(
    stack: &Stack,
    integration: &TestIntegration,
    platform: &GenesysCloud,
    service: &SampleService,
) -> Result<bool, Box<dyn Error>> {
    platform.connect(integration.webhook_url(), WEBHOOK_SECRET, INTEGRATION_ID);
    platform.connect_events(EventSource::of(stack));
    print_head("A conversation in both directions, through the messaging service:");
    let mut show = begin(stack, integration, platform, service);

    show.customer_writes(QUESTION).await?;
    show.arrives("platform", "has got it", |_, delivery| text(delivery, "/type") == "receipt").await;
    let conversation = show.conversation()?;

    platform.join_conversation(&conversation).await;
    let joined = "reports that an agent joins";
    show.arrives("platform", joined, |_, delivery| text(delivery, "/type") == "agent.joined").await;

    // As long as the wait for it: an expired typing event is dropped.
    let typing = json!({"durationMilliseconds": crate::WAIT_TIMEOUT.as_millis() as u64});
    show.agent(&conversation, "typing", &typing, "is typing").await;
    show.arrives("platform", "hands that on", |_, delivery| text(delivery, "/type") == "typing").await;
    show.agent_writes(&conversation, ANSWER).await;

    let id = show.card_with_days("imBack").await;
    show.arrives("Patchbay", "hands the card on", |_, delivery| text(delivery, "/data/messageId") == id).await;
    let choice =
        json!({"originatingMessageId": id, "type": "Button", "text": "Tomorrow", "payload": r#"{"day":"tomorrow"}"#});
    show.customer_acts("chooses", "responses", &choice, ("structured-response", r#""day":"tomorrow""#)).await?;

    show.agent_sends_a_picture(&conversation).await;
    show.arrives("platform", "hands that on", |_, delivery| delivery.pointer("/data/attachments/0/url").is_some())
        .await;
    show.customer_writes("There it is, thank you!").await?;

    // Everything that the platform has passed on is on the queue. The next message comes last.
    platform.finished_webhooks().await;
    show.agent_writes(&conversation, "You are welcome.").await;
    show.receipts(&conversation).await;
    let end = format!("conversations/{}/end", conversation.conversation_id);
    show.post("ends the conversation", &end, &json!({})).await;
    let is_end = |_: &Side<'_>, delivery: &_| text(delivery, "/type") == "conversation.ended";
    show.arrives("platform", "reports its end", is_end).await;
    show.no_text_trace().await;
    println!();
    Ok(show.good)
}

/// Opens the customer's next conversation, to write in, with an agent who has joined: the shown one has ended.
pub(crate) async fn open_next(
    stack: &Stack,
    integration: &TestIntegration,
    platform: &GenesysCloud,
    service: &SampleService,
) -> Result<Conversation, Box<dyn Error>> {
    println!("The next conversation, in which you can write:\n");
    let mut show = begin(stack, integration, platform, service);
    show.customer_writes("One more question, please.").await?;
    println!();
    let conversation = show.conversation()?;
    platform.join_conversation(&conversation).await;
    Ok(conversation)
}

fn begin<'s>(
    stack: &'s Stack,
    integration: &'s TestIntegration,
    platform: &'s GenesysCloud,
    service: &'s SampleService,
) -> Show<'s> {
    let side = Side::Service(service);
    Show { stack, integration, platform, side, customer: CUSTOMER, name: CUSTOMER, good: true }
}
