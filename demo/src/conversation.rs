//! A conversation in both directions: the customer on the sample messaging service's page, the agent on the simulated
//! platform.

use crate::{INTEGRATION_ID, text};
use data_encoding::BASE64;
use demo::desk::Desk;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::harness::browser::Browser;
use tests::harness::caller::Request;
use tests::harness::sample_service::SampleService;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::{Call, Conversation, GenesysCloud, Shown, State};
use tests::simulators::genesys_cloud::events::EventSource;

pub(crate) const CUSTOMER: &str = "ada";

/// The picture that the agent sends.
const PICTURE: &[u8] = include_bytes!("../../tests/fixtures/parcel.png");

/// The conversation, and whether everything has succeeded so far.
struct Show<'s> {
    stack: &'s Stack,
    integration: &'s TestIntegration,
    platform: &'s GenesysCloud,
    service: &'s SampleService,
    good: bool,
}

/// Runs the conversation, prints each step and its result, and returns whether everything succeeded.
pub(crate) async fn show(
    stack: &Stack,
    integration: &TestIntegration,
    platform: &GenesysCloud,
    service: &SampleService,
) -> Result<bool, Box<dyn Error>> {
    platform.connect(integration.webhook_url(), WEBHOOK_SECRET, INTEGRATION_ID);
    platform.connect_events(EventSource::of(stack));
    println!(
        "A conversation in both directions:\n\n  {:<10} {:<31} {:<9} the other side received",
        "who", "action", "response"
    );
    println!("  {}", "─".repeat(110));
    let mut show = Show { stack, integration, platform, service, good: true };

    show.customer("writes", "messages", &json!({"text": "Where is my parcel?"}), "inbound-message").await?;
    show.delivered("platform", "has got it", |delivery| text(delivery, "/type") == "receipt").await;
    let conversation = platform.conversation(CUSTOMER).ok_or("the customer's message opened no conversation")?;

    platform.join_conversation(&conversation).await;
    show.delivered("platform", "reports that an agent joins", |delivery| text(delivery, "/type") == "agent.joined")
        .await;

    // As long as the wait for it: an expired typing event is dropped.
    let typing = json!({"durationMilliseconds": crate::WAIT_TIMEOUT.as_millis() as u64});
    show.agent(&conversation, "typing", &typing, "is typing").await;
    show.delivered("platform", "hands that on", |delivery| text(delivery, "/type") == "typing").await;
    show.agent(&conversation, "messages", &json!({"textBody": "On its way, Ada. When may it come?"}), "writes").await;
    show.delivered("platform", "hands that on", |delivery| {
        text(delivery, "/data/text") == "On its way, Ada. When may it come?"
    })
    .await;

    let card = json!({
        "title": "Your parcel",
        "subtitle": "12345, from Friday on",
        "actions": [
            {"type": "postBack", "title": "Tomorrow", "payload": {"day": "tomorrow"}},
            {"type": "imBack", "title": "Next week", "payload": "Next week, please"},
            {"type": "openUrl", "title": "Follow it", "url": "https://example.com/parcels/12345"},
        ],
    });
    let card = show.post("sends a card", "cards", &json!({"to": CUSTOMER, "card": card})).await;
    let id = text(&card, "/id").to_owned();
    show.delivered("Patchbay", "hands the card on", |delivery| text(delivery, "/data/messageId") == id).await;
    let choice =
        json!({"originatingMessageId": id, "type": "Button", "text": "Tomorrow", "payload": r#"{"day":"tomorrow"}"#});
    show.customer("chooses", "responses", &choice, "structured-response").await?;

    let picture = json!({"content": BASE64.encode(PICTURE), "fileName": "parcel.png", "contentType": "image/png"});
    show.agent(&conversation, "messages", &json!({ "media": picture }), "sends a picture").await;
    show.delivered("platform", "hands that on", |delivery| delivery.pointer("/data/attachments/0/url").is_some()).await;
    show.customer("writes", "messages", &json!({"text": "There it is, thank you!"}), "inbound-message").await?;

    // Everything that the platform has passed on is on the queue. The next message comes last.
    platform.finished_webhooks().await;
    show.agent(&conversation, "messages", &json!({"textBody": "You are welcome."}), "writes").await;
    show.delivered("platform", "hands that on", |delivery| text(delivery, "/data/text") == "You are welcome.").await;
    show.receipts(&conversation).await;
    let end = format!("conversations/{}/end", conversation.conversation_id);
    show.post("ends the conversation", &end, &json!({})).await;
    let is_end = |delivery: &Value| text(delivery, "/type") == "conversation.ended";
    show.delivered("platform", "reports its end", is_end).await;
    let text_traces = service.deliveries().await.iter().filter(|delivery| is_text_trace(delivery)).count();
    show.row("platform", "passes the text trace on", "", text_traces == 0, "nothing: it has the card");
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
    let mut show = Show { stack, integration, platform, service, good: true };
    show.customer("writes", "messages", &json!({"text": "One more question, please."}), "inbound-message").await?;
    println!();
    let conversation = platform.conversation(CUSTOMER).ok_or("the customer's message opened no conversation")?;
    platform.join_conversation(&conversation).await;
    Ok(conversation)
}

/// Takes a screenshot of both sides of the conversation.
pub(crate) async fn take_screenshot(desk: &Desk, path: &Path) {
    let browser = Browser::start(1_240, 1_240).await;
    browser.resize(1_240, 1_240, 2).await;
    browser.open(&format!("{}/?customer={CUSTOMER}", desk.url)).await;
    browser.wait_until("document.querySelector('iframe') !== null").await;
    let wait_for_all = async || {
        browser.wait_until("document.querySelector('[role=log]').textContent.includes('The conversation ended')").await;
        browser.wait_until("[...document.images].every((image) => image.complete)").await;
    };
    wait_for_all().await;
    browser.enter_frame(0).await;
    wait_for_all().await;
    browser.leave_frame().await;
    browser.screenshot(path).await;
}

/// Whether it is the text trace of a card, which must not be delivered besides the card.
fn is_text_trace(delivery: &Value) -> bool {
    text(delivery, "/delivery/data/text").contains("[Tomorrow]")
}

/// A short form of a platform call.
fn in_short(call: &Call) -> String {
    let word = |pointer| text(&call.body, pointer);
    match call.operation {
        "agent-typing" => "typing".to_owned(),
        "end-conversation" => "all are disconnected".to_owned(),
        "agent-message" if call.body.get("mediaIds").is_some() => "a file".to_owned(),
        "structured-response" => format!("{} {}", word("/buttonResponse/type"), word("/buttonResponse/payload")),
        "inbound-message" => word("/text").to_owned(),
        _ => word("/textBody").replace('\n', " · "),
    }
}

impl Show<'_> {
    fn row(&mut self, who: &str, what: &str, answered: &str, as_expected: bool, got: &str) {
        let mark = if as_expected { "✓" } else { "✗" };
        println!("{mark} {who:<10} {what:<31} {answered:<9} {got}");
        self.good &= as_expected;
    }

    /// Posts to a caller endpoint.
    async fn post(&mut self, what: &str, route: &str, body: &Value) -> Value {
        self.posted("company", what, route, body).await
    }

    /// An agent acts through the company's system.
    async fn agent(&mut self, conversation: &Conversation, route: &str, body: &Value, what: &str) {
        let Conversation { conversation_id, communication_id, .. } = conversation;
        let route = format!("conversations/{conversation_id}/communications/{communication_id}/{route}");
        self.posted("agent", what, &route, body).await;
    }

    async fn posted(&mut self, who: &str, what: &str, route: &str, body: &Value) -> Value {
        let before = self.platform.calls().len();
        let answer = Request::new(body).signed().post(self.stack, self.integration, route).await;
        // Receipts of earlier messages may come at any time.
        let got = self.platform.calls().into_iter().skip(before).rfind(|call| call.operation != "receipt");
        let as_expected = answer.status.is_success() && got.is_some();
        let got = got.as_ref().map_or_else(|| answer.body.to_string(), in_short);
        self.row(who, what, &answer.status.as_u16().to_string(), as_expected, &got);
        answer.body
    }

    /// The customer acts on the page.
    async fn customer(
        &mut self,
        what: &str,
        action: &str,
        body: &Value,
        operation: &str,
    ) -> Result<(), Box<dyn Error>> {
        let before = self.platform.calls_of(operation).len();
        let url = format!("{}/customers/{CUSTOMER}/{action}", self.service.url);
        let request = self.stack.http.post(url).header("content-type", "application/json").body(body.to_string());
        let status = request.send().await?.status();
        let calls = self.platform.wait_for_calls_of(operation, before + 1).await;
        let got = calls.last().map(in_short).unwrap_or_default();
        self.row(CUSTOMER, what, &status.as_u16().to_string(), status.is_success(), &got);
        Ok(())
    }

    /// Waits until Patchbay has reported that every message to the customer is delivered.
    async fn receipts(&mut self, conversation: &Conversation) {
        let states = || {
            let entries = self.platform.transcript(conversation).entries.into_iter();
            let states = entries.filter_map(|entry| match entry.shown {
                Shown::Outbound { state, .. } => Some(state),
                Shown::Customer(_) | Shown::AgentJoined | Shown::Ended => None,
            });
            states.collect::<Vec<_>>()
        };
        let delivered = |state: &State| matches!(state, State::Receipt { status, .. } if status == "Delivered");
        let mut changes = self.platform.changes();
        let waiting = changes.wait_for(|_| states().iter().all(delivered));
        let all = tokio::time::timeout(crate::WAIT_TIMEOUT, waiting).await.is_ok();
        let states = states();
        let count = states.iter().filter(|state| delivered(state)).count();
        self.row(
            "Patchbay",
            "posts the receipts",
            "",
            all,
            &format!("{count} of {} messages: Delivered", states.len()),
        );
    }

    /// Waits for the next delivery to the customer.
    async fn delivered(&mut self, who: &str, what: &str, expected: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        let there = loop {
            let deliveries = self.service.deliveries().await;
            let mut own = deliveries.iter().filter_map(|delivery| delivery.get("delivery"));
            let there = own.find(|delivery| {
                let customers = ["/data/to/id", "/data/from/id"].map(|party| text(delivery, party));
                customers.contains(&CUSTOMER) && expected(delivery)
            });
            if there.is_some() || started.elapsed() > crate::WAIT_TIMEOUT {
                break there.map(|delivery| text(delivery, "/type").to_owned());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let got = there.clone().unwrap_or_else(|| "nothing".to_owned());
        self.row(who, what, "", there.is_some(), &got);
    }
}
