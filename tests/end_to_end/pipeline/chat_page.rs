//! The chat page of the sample messaging service with all of Patchbay and the simulated platform behind it.

use crate::fixtures::WithPlatform;
use serde_json::json;
use tests::harness::browser::Browser;
use tests::harness::caller::{CALLER_SECRET, Request};
use tests::harness::sample_service::SampleService;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::events::EventSource;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_a_cards_button_reaches_the_platform_as_a_structured_response() {
    let stack = Stack::connect().await;
    let id = Uuid::new_v4().to_string();
    let name = format!("test-{id}");
    let inbound_url = format!("{}/integrations/{name}/inbound", stack.api_url);
    let service =
        SampleService::start(&[("INBOUND_URL", &inbound_url), ("CALLER_SECRET", CALLER_SECRET)]).await.silent();
    let fixture = WithPlatform::named(&name, &id, &format!("{}/messages", service.url), |configuration| {
        configuration["cards"] = json!({"route": "messaging-service"});
    })
    .await;
    fixture.platform.connect(fixture.integration.webhook_url(), WEBHOOK_SECRET, &id);

    let browser = Browser::start(420, 800).await;
    browser.open(&format!("{}/?customer=ada", service.url)).await;
    let card = json!({
        "title": "Your parcel",
        "actions": [
            {"type": "postBack", "title": "Tomorrow", "payload": {"day": "tomorrow"}},
            {"type": "imBack", "title": "Next week", "payload": "Next week, please"},
        ],
    });
    let card = Request::new(&json!({"to": "ada", "card": card})).signed();
    let answer = card.post(&stack, &fixture.integration, "cards").await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);

    browser.wait_until("document.querySelector('.replies button') !== null").await;
    browser.click(".actions button").await;
    let clicked = fixture.platform.wait_for_calls_of("structured-response", 1).await;
    let choice = json!({"type": "Button", "text": "Tomorrow", "payload": r#"{"day":"tomorrow"}"#});
    assert_eq!(
        (&choice, &answer.body["id"]),
        (&clicked[0].body["buttonResponse"], &clicked[0].body["originatingMessageId"])
    );

    browser.click(".replies button").await;
    let clicked = fixture.platform.wait_for_calls_of("structured-response", 2).await;
    let choice = json!({"type": "QuickReply", "text": "Next week", "payload": "Next week, please"});
    assert_eq!(
        (&choice, &answer.body["id"]),
        (&clicked[1].body["buttonResponse"], &clicked[1].body["originatingMessageId"])
    );

    // The platform publishes both, and the page shows it.
    browser.wait_until("document.querySelectorAll('[data-state=published]').length === 2").await;
    let shown = browser.run("return document.querySelector('[role=log]').textContent;").await;
    assert!(!shown.to_string().contains("[Tomorrow]"), "the text trace must not be shown: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_on_the_page_from_the_first_message_to_its_end() {
    let stack = Stack::connect().await;
    let id = Uuid::new_v4().to_string();
    let name = format!("test-{id}");
    let inbound_url = format!("{}/integrations/{name}/inbound", stack.api_url);
    let settings =
        [("INBOUND_URL", inbound_url.as_str()), ("CALLER_SECRET", CALLER_SECRET), ("PREFETCH_CONVERSATION", "true")];
    let service = SampleService::start(&settings).await.silent();
    let fixture = WithPlatform::named(&name, &id, &format!("{}/messages", service.url), |_| {}).await;
    fixture.platform.connect(fixture.integration.webhook_url(), WEBHOOK_SECRET, &id);
    let source = EventSource::of(&stack);
    fixture.platform.connect_events(source.clone());

    let browser = Browser::start(420, 800).await;
    let customer = format!("ada-{id}");
    browser.open(&format!("{}/?customer={customer}", service.url)).await;
    let shows = async |words: &str| {
        let shown = format!("document.querySelector('[role=log]').textContent.includes({})", json!(words));
        browser.wait_until(&shown).await;
    };
    let first = json!({"text": "Where is my parcel?"});
    let url = format!("{}/customers/{customer}/messages", service.url);
    let request = stack.http.post(url).header("content-type", "application/json").body(first.to_string());
    assert!(request.send().await.unwrap().status().is_success());
    fixture.platform.wait_for_calls_of("inbound-message", 1).await;
    let conversation = fixture.platform.conversation(&customer).unwrap();
    // The agent has not written yet: the answer to the customer's message names the conversation.
    source.put_start(&conversation).await;
    shows("An agent joined").await;
    fixture.platform.post_text(&id, &customer, "On its way, Ada.");
    shows("On its way, Ada.").await;
    fixture.platform.end_conversation(&conversation).await;
    shows("The agent left").await;
    shows("The conversation ended").await;
    let notes = browser.run("return [...document.querySelectorAll('.event')].length;").await;
    assert_eq!(json!(3), notes);
}
