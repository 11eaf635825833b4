//! Which question an answer belongs to: the one that the customer had seen.

use super::customer::Connection;
use super::platform::{FromAgent, Platform};
use crate::observability::logs::log_with;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::channel::ChannelName;
use shared::channel::offer::Offer;
use shared::digest::Digest;
use shared::ledger;
use shared::platform::PlatformName;
use tests::simulators::genesys_cloud::api;
use tests::simulators::twilio::{Fault, Inbound, Message, Status};

const FIRST: FromAgent<'_> = FromAgent::Choice { text: "Keep the order?", options: &["Yes", "No"] };
const SECOND: FromAgent<'_> = FromAgent::Choice { text: "Cancel the order?", options: &["Yes", "No"] };

async fn by_sms() -> Connection {
    Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await
}

/// With a customer who got the first question: its id.
async fn asked_by_sms() -> (Connection, String) {
    let connection = by_sms().await;
    let first = connection.agent(&FIRST).await;
    connection.wait_for_shown(1).await;
    (connection, first)
}

impl Connection {
    /// Waits for so many choices, and returns the ids of the messages that they answer.
    async fn answered(&self, count: usize) -> Vec<Value> {
        let enough = |platform: &Platform| platform.choices().is_some_and(|choices| choices.len() >= count);
        self.platform.wait_until("the choice", enough).await;
        let choices = self.platform.choices().expect("the platform knows choices");
        choices.into_iter().map(|choice| choice["originatingMessageId"].clone()).collect()
    }

    /// Asks a question whose options are in its second part: its id, and all messages so far.
    async fn asks_in_two_parts(&self) -> (String, Vec<Message>) {
        let long = "What we know of the order. ".repeat(70);
        let id = self.agent(&FromAgent::Choice { text: &long, options: &["Yes", "No"] }).await;
        (id, self.twilio().wait_for(3).await)
    }

    fn genesys(&self) -> &api::GenesysCloud {
        let Platform::GenesysCloud(platform) = &self.platform else { panic!("another platform") };
        platform
    }
}

#[tokio::test]
async fn while_a_question_waits_for_a_retry_an_answer_belongs_to_the_one_before() {
    let (connection, first) = asked_by_sms().await;
    connection.twilio().fail([Fault::RateLimited(60)]);
    connection.agent(&SECOND).await;
    log_with(connection.integration.name.as_str(), &[("\"outcome\":\"retry\"", "")]).await;
    connection.customer_writes("1").await;
    assert_eq!(vec![json!(first)], connection.answered(1).await);
}

#[tokio::test]
async fn a_question_that_failed_after_twilio_took_it_gets_no_answer() {
    let (connection, first) = asked_by_sms().await;
    let second = connection.agent(&SECOND).await;
    connection.wait_for_shown(2).await;
    let message = connection.twilio().messages().pop().expect("the second message");
    connection.twilio().report(&message, Status::undelivered(30005)).await;
    connection.wait_for_receipt(&second, "Failed").await;
    connection.customer_writes("1").await;
    assert_eq!(vec![json!(first)], connection.answered(1).await);
}

#[tokio::test]
async fn after_a_text_that_failed_an_answer_belongs_to_the_question_before_it() {
    let (connection, first) = asked_by_sms().await;
    let note = connection.agent(&FromAgent::Text("One moment.")).await;
    let message = connection.twilio().wait_for_text("One moment.").await;
    connection.twilio().report(&message, Status::undelivered(30003)).await;
    connection.wait_for_receipt(&note, "Failed").await;
    connection.customer_writes("1").await;
    assert_eq!(vec![json!(first)], connection.answered(1).await);
}

#[tokio::test]
async fn after_a_text_that_failed_and_a_later_one_a_number_answers_no_question() {
    let (connection, _) = asked_by_sms().await;
    let note = connection.agent(&FromAgent::Text("One moment.")).await;
    let message = connection.twilio().wait_for_text("One moment.").await;
    connection.agent(&FromAgent::Text("How many people?")).await;
    connection.twilio().wait_for_text("How many people?").await;
    connection.twilio().report(&message, Status::undelivered(30003)).await;
    connection.wait_for_receipt(&note, "Failed").await;
    connection.customer_writes("2").await;
    assert_eq!("2", connection.wait_for_customers(1).await[0].0);
    assert!(connection.platform.choices().expect("the platform knows choices").is_empty());
}

#[tokio::test]
async fn after_a_text_that_failed_a_customer_whom_the_platform_knows_by_another_id_answers_the_question_before_it() {
    let connection = Connection::new(PlatformName::HighLevel, ChannelName::Twilio).await;
    connection.agent(&FIRST).await;
    connection.wait_for_shown(1).await;
    let note = connection.agent(&FromAgent::Text("One moment.")).await;
    let message = connection.twilio().wait_for_text("One moment.").await;
    connection.twilio().report(&message, Status::undelivered(30003)).await;
    connection.wait_for_receipt(&note, "failed").await;
    connection.customer_writes("1").await;
    assert_eq!("Yes", connection.wait_for_customers(1).await[0].0);
}

#[tokio::test]
async fn a_question_whose_first_part_failed_gets_the_answer_to_its_last() {
    let (connection, _) = asked_by_sms().await;
    let (second, messages) = connection.asks_in_two_parts().await;
    assert!(messages[2].body.ends_with("2. No") && !messages[1].body.contains("2. No"), "{messages:?}");
    connection.twilio().report(&messages[1], Status::undelivered(30008)).await;
    connection.wait_for_receipt(&second, "Failed").await;
    connection.customer_writes("1").await;
    assert_eq!(vec![json!(second)], connection.answered(1).await);
}

#[tokio::test]
async fn a_question_all_of_whose_parts_failed_gets_no_answer() {
    let (connection, first) = asked_by_sms().await;
    let (second, messages) = connection.asks_in_two_parts().await;
    for part in &messages[1..] {
        connection.twilio().report(part, Status::undelivered(30005)).await;
        connection.wait_for_receipt(&second, "Failed").await;
    }
    log_with(connection.integration.name.as_str(), &[("receipt_duplicate", "already completed")]).await;
    connection.customer_writes("1").await;
    assert_eq!(vec![json!(first)], connection.answered(1).await);
}

#[tokio::test]
async fn options_that_were_sealed_with_a_newer_secret_than_the_cached_one_are_found() {
    let (connection, _) = asked_by_sms().await;
    let mut rotated = connection.twilio().configuration(&connection.stack.api_url);
    rotated["authTokens"] = json!(["another-auth-token-of-the-tests-01234", rotated["authTokens"][0]]);
    connection.configure(&rotated).await;
    // As a dispatcher does that has read the new secret.
    let offer = json!({
        "messageId": "second", "customer": connection.customer,
        "options": [{"number": 1, "label": "Yes", "type": "QuickReply", "payload": "yes"}],
    });
    let integration = connection.stored().await;
    let (name, sealer) = (&integration.name, integration.destination.channel().expect("a channel").sealer());
    let sealed = sealer.seal(Offer::KIND, &offer).expect("a sealed offer");
    let key = ledger::key::last_offer(name, &connection.customer);
    let message = Digest::of_parts(&["second"]);
    connection.stack.ledger().put_offer(&key, &message, &sealed, Timestamp::now()).await.unwrap();
    connection.customer_writes("1").await;
    // The platform does not know the message, so the choice is posted as a text.
    assert_eq!("Yes", connection.wait_for_customers(1).await[0].0);
}

#[tokio::test]
async fn an_answer_that_is_posted_late_still_belongs_to_the_question_of_its_time() {
    let (connection, first) = asked_by_sms().await;
    let refusals = [Fault::Status(503); 5];
    connection.genesys().fail_operation("structured-response", refusals);
    connection.customer_writes("2").await;
    log_with(connection.integration.name.as_str(), &[("\"outcome\":\"inbound_retry\"", "")]).await;
    connection.agent(&SECOND).await;
    connection.wait_for_shown(2).await;
    assert_eq!(vec![json!(first)], connection.answered(1).await);
    assert!(connection.platform.customers_messages().is_empty());
}

#[tokio::test]
async fn a_number_that_the_platform_writes_otherwise_has_its_options() {
    let connection = by_sms().await;
    let Connection { stack, integration, .. } = &connection;
    let question = connection.platform.write(stack, integration, "+1 (500) 555-0010", &FIRST).await;
    connection.wait_for_shown(1).await;
    connection.customer_writes("2").await;
    assert_eq!(vec![json!(question)], connection.answered(1).await);
}

#[tokio::test]
async fn a_button_of_another_message_answers_no_question() {
    let (connection, _) = asked_by_sms().await;
    let twilio = connection.twilio();
    let sid = twilio.messages().pop().expect("a message").sid;
    let press = Inbound::button(&connection.customer, "Yes", "confirm_1", &sid);
    twilio.post(&twilio.inbound(&connection.integration.route_url("channel"), &press)).await.assert_received();
    let received = connection.wait_for_customers(1).await;
    assert_eq!("Yes", received[0].0);
    assert!(connection.platform.choices().expect("the platform knows choices").is_empty());
}

#[tokio::test]
async fn a_press_of_a_button_that_no_message_has_is_no_failure() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Telegram).await;
    let telegram = connection.telegram();
    let chat = json!({"id": 5_550_010, "type": "private"});
    let query = json!({
        "id": "9001", "from": {"id": 5_550_010, "is_bot": false, "first_name": "Ada"}, "data": "made up",
        "message": {"chat": chat, "message_id": 57, "date": 0}, "chat_instance": "1",
    });
    assert!(telegram.post(&telegram.update("callback_query", &query)).await.is_success());
    log_with(connection.integration.name.as_str(), &[("\"outcome\":\"inbound_ignored\"", "")]).await;
    telegram.wait_until_answered().await;
    connection.customer_writes("Hello").await;
    assert_eq!("Hello", connection.wait_for_customers(1).await[0].0);
}
