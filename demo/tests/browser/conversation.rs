//! The desk shows the conversation as the platform has it, and posts what the agent does.

use crate::fixture::{CUSTOMER, Case, say, shows};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::harness::browser::Browser;

const TEXTS: &str = "[...document.querySelectorAll('#entries .bubble')].map((bubble) => bubble.textContent)";

/// Waits until the last message to the customer is in this state.
async fn wait_for_state(browser: &Browser, state: &str) {
    browser
        .wait_until(&format!(
            "[...document.querySelectorAll('.own .state')].at(-1)?.textContent.endsWith({})",
            json!(state)
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_writes_becomes_a_webhook_and_shows_what_the_receipts_say() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    shows(&browser, "").await;
    assert_eq!(
        true,
        browser.run("return document.getElementById('text').disabled;").await,
        "the customer has not written yet"
    );
    case.customer_writes(CUSTOMER, "Where is my parcel?").await;
    shows(&browser, "Where is my parcel?").await;

    say(&browser, "On its way, Ada.").await;
    wait_for_state(&browser, "✓ Sent").await;
    shows(&browser, "An agent joined").await;
    let posted = case.platform.finished_webhooks().await;
    assert!(posted.iter().any(|webhook| webhook.body["events"][0]["eventType"] == "Typing"), "{posted:?}");
    let webhook = posted.iter().find(|webhook| webhook.body["text"] == "On its way, Ada.").unwrap();
    assert_eq!("Outbound", webhook.body["direction"]);

    let id = webhook.body["id"].as_str().unwrap();
    case.receipt(CUSTOMER, id, "Delivered", None).await;
    wait_for_state(&browser, "✓✓ Delivered").await;
    case.receipt(CUSTOMER, id, "Failed", Some("Unreachable destination handset")).await;
    wait_for_state(&browser, "Failed: Unreachable destination handset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_refused_shows_as_failed() {
    let case = Case::answering(StatusCode::UNAUTHORIZED).await;
    let browser = case.browser(CUSTOMER).await;
    case.customer_writes(CUSTOMER, "Hello?").await;
    say(&browser, "Hello!").await;
    wait_for_state(&browser, "Failed: the webhook was answered with 401").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_the_platform_has_is_shown_in_order() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    case.customer_writes(CUSTOMER, "Where is my parcel?").await;
    case.company_writes(CUSTOMER, "Your parcel\n[Tomorrow] [Next week]").await;
    let trace = "document.querySelector('[data-kind=company] .bubble')?.textContent";
    browser.wait_for(trace, |text| *text == "Your parcel\n[Tomorrow] [Next week]").await;
    let conversation = case.platform.conversation(CUSTOMER).unwrap();
    let card = case.platform.write(&conversation, "Choose a day.");
    case.customer_chooses(CUSTOMER, &card, "Tomorrow").await;
    shows(&browser, "chosen with a button").await;
    let picture = format!("{}/icon.svg", case.desk.url);
    case.customer_sends_a_picture(CUSTOMER, &picture).await;
    browser.wait_until("document.querySelector('.theirs img')?.complete === true").await;
    case.customer_types(CUSTOMER).await;
    browser.wait_until("document.getElementById('typist').textContent === 'ada is typing'").await;
    case.customer_writes(CUSTOMER, "Thank you!").await;
    browser.wait_until("document.getElementById('typing').hidden").await;
    let texts =
        ["Where is my parcel?", "Your parcel\n[Tomorrow] [Next week]", "Choose a day.", "Tomorrow", "Thank you!"];
    browser.wait_for(TEXTS, |shown| *shown == json!(texts)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_conversation_takes_no_messages_until_the_customer_writes_again() {
    let case = Case::start().await;
    let browser = case.browser(CUSTOMER).await;
    case.customer_writes(CUSTOMER, "Hello").await;
    say(&browser, "Hello, Ada.").await;
    shows(&browser, "An agent joined").await;
    browser.click("#end").await;
    shows(&browser, "The conversation ended").await;
    browser.wait_until("document.getElementById('text').disabled && document.getElementById('end').hidden").await;
    assert_eq!("log", browser.run("return document.activeElement.id;").await);

    let before = case.platform.conversation(CUSTOMER).unwrap();
    case.customer_writes(CUSTOMER, "One more thing").await;
    say(&browser, "Yes?").await;
    let joined = "[...document.querySelectorAll('.event')].filter((one) => one.textContent.startsWith('An agent joined')).length";
    browser.wait_for(joined, |count| *count == 2).await;
    let after = case.platform.conversation(CUSTOMER).unwrap();
    assert_eq!(before.conversation_id, after.conversation_id);
    assert_ne!(before.communication_id, after.communication_id, "the agent's communication is a new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversations_of_the_platform_are_listed() {
    let case = Case::start().await;
    for customer in ["ada", "bob"] {
        case.customer_writes(customer, &format!("I am {customer}")).await;
    }
    let browser = Browser::start(1_240, 900).await;
    browser.open(&case.desk.url).await;
    let listed = "[...document.querySelectorAll('#customers a')].map((one) => one.textContent)";
    browser.wait_for(listed, |listed| *listed == json!(["BbobChat pageI am bob", "AadaChat pageI am ada"])).await;
    browser.click("#customers li:last-child a").await;
    browser.wait_until("document.getElementById('title').textContent === 'ada'").await;
    shows(&browser, "I am ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_becomes_markup() {
    const MARKUP: &str = r#"</p>"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"#;
    let case = Case::start().await;
    let browser = case.browser(MARKUP).await;
    case.customer_writes(MARKUP, MARKUP).await;
    case.customer_sends_a_picture(MARKUP, "http://127.0.0.1:9/x.png#\"><script>window.hacked=1</script>").await;
    case.company_writes(MARKUP, MARKUP).await;
    let id = case.platform.write(&case.platform.conversation(MARKUP).unwrap(), MARKUP);
    case.receipt(MARKUP, &id, "Failed", Some(MARKUP)).await;
    case.customer_types(MARKUP).await;
    browser.wait_until("!document.getElementById('typing').hidden").await;
    wait_for_state(&browser, MARKUP).await;
    let literal = "document.body.textContent.split(arguments[0]).length - 1";
    let literal = browser.run_with(&format!("return {literal};"), &[json!(MARKUP)]).await;
    assert!(literal.as_u64().unwrap() >= 7, "{literal}");
    assert_eq!(Value::Null, browser.run("return window.hacked ?? null;").await);
    assert_eq!(1, browser.run("return document.scripts.length;").await);
    let attempt = "try { document.body.innerHTML = '<i>'; return 'done'; } catch (error) { return error.name; }";
    assert_eq!("TypeError", browser.run(attempt).await);
}
