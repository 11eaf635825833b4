//! What a provider reports of messages, and what does not depend on its reports.

use super::customer::Connection;
use super::platform::{FromAgent, Platform};
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::Command;
use tests::harness::stack::FAILED_MESSAGES;
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use tests::simulators::twilio::{Fault, Inbound, Message, NUMBER, Status};

/// In two parts.
fn long_text() -> String {
    "🙂".repeat(2_000)
}

/// Replays the message with an unknown outcome, once it is kept.
async fn replay(name: &str) {
    let _alone = FAILED_MESSAGES.lock().await;
    let replay = ["--json", "failed", "replay", "--yes", "--integration", name, "--reason", "outcome-unknown"];
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while Command::new(&replay).run().await.succeeded().json()["replayed"] != 1 {
        assert!(Instant::now() < deadline, "there is nothing to replay");
    }
}

/// A message that Twilio has, and of which the agent saw `failed`, because the answer was lost.
async fn with_unknown_outcome(platform: PlatformName, failed: &str) -> (Connection, String, Message) {
    let connection = Connection::new(platform, ChannelName::Twilio).await;
    connection.twilio().fail([Fault::ResponseLost]);
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    connection.wait_for_receipt(&id, failed).await;
    let message = connection.twilio().messages().pop().expect("a message");
    (connection, id, message)
}

impl Connection {
    /// The statuses of a message that the platform got, once the receipt of a later message has followed all of them.
    async fn all_statuses_of(&self, id: &str) -> Vec<String> {
        self.twilio().report_before_answer(&[Status::DELIVERED]);
        let next = self.agent(&FromAgent::Text("Next")).await;
        let is_next = |(of, status): &(String, String)| *of == next && status.eq_ignore_ascii_case("delivered");
        self.platform.wait_until("the later receipt", |platform| platform.receipts().iter().any(is_next)).await;
        let receipts = self.platform.receipts().into_iter().filter(|(of, _)| *of == id);
        receipts.map(|(_, status)| status).collect()
    }
}

#[tokio::test]
async fn a_status_that_arrives_late_does_not_undo_a_higher_one() {
    let connection = Connection::new(PlatformName::HighLevel, ChannelName::Twilio).await;
    let first = connection.agent(&FromAgent::Text("Hello")).await;
    connection.wait_for_shown(1).await;
    let message = connection.twilio().messages().pop().expect("a message");
    for status in [Status::DELIVERED, Status::SENT, Status::undelivered(30005), Status::READ, Status::DELIVERED] {
        assert_eq!(200, connection.twilio().report(&message, status).await.status);
    }
    assert_eq!(vec!["delivered", "read"], connection.all_statuses_of(&first).await);
}

#[tokio::test]
async fn a_status_that_arrives_before_the_answer_of_the_call_is_reported_once() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let twilio = connection.twilio();
    for fault in [None, Some(Fault::ResponseSlow(Duration::from_secs(3)))] {
        twilio.report_before_answer(&[Status::SENT, Status::DELIVERED]);
        twilio.fail(fault);
        let id = connection.agent(&FromAgent::Text("Hello")).await;
        connection.wait_for_receipt(&id, "Delivered").await;
        assert_eq!(vec!["Delivered"], connection.all_statuses_of(&id).await, "{fault:?}");
    }
    assert_eq!(4, twilio.messages().len());
}

#[tokio::test]
async fn a_message_that_is_reported_as_delivered_before_the_answer_is_lost_never_fails() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let twilio = connection.twilio();
    twilio.report_before_answer(&[Status::SENT, Status::DELIVERED]);
    twilio.fail([Fault::ResponseLost]);
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    connection.wait_for_receipt(&id, "Delivered").await;
    assert_eq!(vec!["Delivered"], connection.all_statuses_of(&id).await);
}

#[tokio::test]
async fn a_message_whose_outcome_was_unknown_is_delivered_once_twilio_says_so() {
    let (connection, id, message) = with_unknown_outcome(PlatformName::GenesysCloud, "Failed").await;
    connection.twilio().report(&message, Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
}

#[tokio::test]
async fn a_failure_that_twilio_reports_gives_the_reason_after_an_unknown_outcome() {
    let (connection, id, message) = with_unknown_outcome(PlatformName::HighLevel, "failed").await;
    assert_eq!(200, connection.twilio().report(&message, Status::failed(30005)).await.status);
    let both = |platform: &Platform| platform.receipts().len() == 2;
    connection.platform.wait_until("the receipt with the reason", both).await;
    assert_eq!(vec![(id.clone(), "failed".to_owned()), (id, "failed".to_owned())], connection.platform.receipts());
}

#[tokio::test]
async fn a_failure_that_twilio_reports_after_it_took_the_message_is_counted_and_shown_with_its_code() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    let message = connection.twilio().wait_for_text("Hello").await;
    connection.twilio().report(&message, Status::undelivered(30007)).await;
    connection.wait_for_receipt(&id, "Failed").await;
    let name = connection.integration.name.as_str();
    let log = log_with(name, &[("delivered", ""), ("reported_failed", "30007")]).await;
    let line = log.lines().find(|line| line.contains(name) && line.contains("reported_failed")).expect("the line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&json!("WARN"), &json!(1.0)), (&line["level"], &line["Failed"]));
    let shown = Command::new(&["--json", "messages", "show", &id]).run().await.succeeded().json();
    assert_eq!(json!(["delivered", "Failed"]), json!([shown["ledger"][0]["state"], shown["ledger"][0]["reported"]]));
    let people = Command::new(&["messages", "show", &id]).run().await.succeeded();
    assert!(
        people.stdout.contains("reported by the channel  Failed") && people.stdout.contains("(30007)"),
        "{people:#?}"
    );
}

#[tokio::test]
async fn a_failure_that_is_reported_of_a_replay_reaches_the_agent_again() {
    let (connection, id, first) = with_unknown_outcome(PlatformName::HighLevel, "failed").await;
    connection.twilio().report(&first, Status::failed(30005)).await;
    let failed = |count: usize| {
        let id = id.clone();
        move |platform: &Platform| {
            let receipts = platform.receipts().into_iter();
            receipts.filter(|(of, status)| *of == id && status == "failed").count() == count
        }
    };
    connection.platform.wait_until("the reported failure", failed(2)).await;
    let name = connection.integration.name.as_str();
    replay(name).await;
    let second = connection.twilio().wait_for(2).await.pop().expect("a message");
    connection.twilio().report(&second, Status::failed(30007)).await;
    connection.platform.wait_until("the second reported failure", failed(3)).await;
    log_with(name, &[("reported_failed", "30005"), ("reported_failed", "30007")]).await;
}

#[tokio::test]
async fn a_status_that_could_not_be_accepted_is_repeated_and_reaches_the_agent() {
    let proxy = AwsProxy::start().await;
    let connection = Connection::configured(PlatformName::GenesysCloud, ChannelName::Twilio, |channel| {
        channel["publicUrl"] = proxy.api_url(channel["publicUrl"].as_str().expect("an address")).into();
    })
    .await;
    proxy.fail_next("channel", 2);
    connection.twilio().report_before_answer(&[Status::DELIVERED]);
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    connection.wait_for_receipt(&id, "Delivered").await;
    let operations = proxy.take_operations();
    assert!(operations.len() > 2 && operations.iter().all(|operation| operation == "channel"), "{operations:?}");
    assert_eq!(1, connection.platform.receipts().iter().filter(|(_, status)| status == "Delivered").count());
}

#[tokio::test]
async fn a_part_that_failed_is_no_proof_that_the_last_one_was_sent_and_a_replay_sends_all_parts() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let (twilio, text, name) = (connection.twilio(), long_text(), connection.integration.name.as_str());
    twilio.report_before_answer(&[Status::undelivered(30005)]);
    // The report of the first part is there before the second is given up.
    twilio.fail([Fault::ResponseSlow(Duration::ZERO), Fault::ResponseSlow(Duration::from_secs(60))]);
    let id = connection.agent(&FromAgent::Text(&text)).await;
    connection.wait_for_receipt(&id, "Failed").await;
    log_with(name, &[("reported_failed", "30005"), ("\"outcome\":\"failed\"", "outcome-unknown")]).await;
    replay(name).await;
    let messages = twilio.wait_for(4).await;
    assert_eq!(text, messages[2..].iter().map(|message| message.body.as_str()).collect::<String>());
    // What is reported late of the first time says nothing about the second.
    twilio.report(&messages[1], Status::undelivered(30008)).await;
    twilio.report(&messages[3], Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
}

#[tokio::test]
async fn a_replay_continues_after_the_parts_that_were_sent_and_their_failures_still_reach_the_agent() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let (twilio, name, text) = (connection.twilio(), connection.integration.name.as_str(), long_text());
    twilio.fail([Fault::ResponseSlow(Duration::ZERO), Fault::Status(500)]);
    let id = connection.agent(&FromAgent::Text(&text)).await;
    connection.wait_for_receipt(&id, "Failed").await;
    replay(name).await;
    let parts = twilio.wait_for(2).await;
    assert_eq!(text, parts.iter().map(|part| part.body.as_str()).collect::<String>());
    twilio.report(&parts[0], Status::undelivered(30005)).await;
    log_with(name, &[("reported_failed", "30005")]).await;
    assert_eq!(vec!["Failed", "Failed"], connection.all_statuses_of(&id).await);
}

#[tokio::test]
async fn a_message_that_is_reported_as_delivered_while_its_replay_waits_is_not_sent_again() {
    let (connection, id, first) = with_unknown_outcome(PlatformName::GenesysCloud, "Failed").await;
    let (twilio, name) = (connection.twilio(), connection.integration.name.as_str());
    twilio.fail([Fault::RateLimited(20)]);
    replay(name).await;
    twilio.wait_for_attempts(2).await;
    twilio.report(&first, Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
    log_with(name, &[("dropped", "the channel has reported that it was sent")]).await;
    assert_eq!(1, twilio.messages().len());
}

#[tokio::test]
async fn after_a_replay_whose_outcome_is_unknown_the_reports_of_the_next_one_count() {
    let (connection, id, first) = with_unknown_outcome(PlatformName::GenesysCloud, "Failed").await;
    let (twilio, name) = (connection.twilio(), connection.integration.name.as_str());
    twilio.report(&first, Status::undelivered(30005)).await;
    log_with(name, &[("reported_failed", "30005")]).await;
    twilio.fail([Fault::Status(500)]);
    replay(name).await;
    log_with(name, &[("\"outcome\":\"failed\"", "replay_id")]).await;
    replay(name).await;
    let second = twilio.wait_for(2).await.remove(1);
    twilio.report(&second, Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
}

#[tokio::test]
async fn a_message_whose_number_of_parts_has_changed_is_sent_by_a_replay_only_and_as_a_whole() {
    let connection = Connection::configured(PlatformName::GenesysCloud, ChannelName::Twilio, |channel| {
        channel["from"] = format!("whatsapp:{NUMBER}").into();
    })
    .await;
    let (twilio, name) = (connection.twilio(), connection.integration.name.as_str());
    // The functions have the new configuration by the time of the retry.
    twilio.fail([Fault::ResponseSlow(Duration::ZERO), Fault::RateLimited(30)]);
    let video = FromAgent::Video { text: "The house:", url: "https://example.com/media/tour.mp4" };
    let id = connection.agent(&video).await;
    twilio.wait_for_attempts(2).await;
    connection.configure(&twilio.configuration(&connection.stack.api_url)).await;
    connection.wait_for_receipt(&id, "Failed").await;
    log_with(name, &[("\"outcome\":\"failed\"", "another number of parts")]).await;
    replay(name).await;
    let messages = twilio.wait_for(2).await;
    assert_eq!("The house:", messages[0].body);
    assert!(messages[1].body.starts_with("The house:") && messages[1].body.contains("tour.mp4"), "{messages:?}");
}

#[tokio::test]
async fn a_message_of_which_a_part_failed_stays_failed() {
    let connection = Connection::new(PlatformName::HighLevel, ChannelName::Twilio).await;
    let id = connection.agent(&FromAgent::Text(&long_text())).await;
    let parts = connection.twilio().wait_for(2).await;
    for (part, status) in [(0, Status::undelivered(30005)), (1, Status::DELIVERED), (1, Status::READ)] {
        assert_eq!(200, connection.twilio().report(&parts[part], status).await.status);
    }
    assert_eq!(vec!["failed"], connection.all_statuses_of(&id).await);
}

#[tokio::test]
async fn a_part_that_fails_after_the_last_one_was_delivered_is_logged() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let id = connection.agent(&FromAgent::Text(&long_text())).await;
    let parts = connection.twilio().wait_for(2).await;
    connection.twilio().report(&parts[1], Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
    connection.twilio().report(&parts[0], Status::undelivered(30008)).await;
    log_with(connection.integration.name.as_str(), &[("reported_failed", "30008")]).await;
    assert_eq!(vec!["Delivered"], connection.all_statuses_of(&id).await);
}

#[tokio::test]
async fn what_customers_write_is_listed_while_it_waits_and_once_the_platform_has_it() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let Platform::GenesysCloud(platform) = &connection.platform else { panic!("another platform") };
    platform.fail_operation("inbound-message", [Fault::Status(503); 20]);
    for text in ["first", "second"] {
        connection.customer_writes(text).await;
    }
    let name = connection.integration.name.as_str();
    log_with(name, &[("\"outcome\":\"inbound_retry\"", "")]).await;
    // The first is retried, and the second is behind it.
    assert_eq!(vec!["message to the platform"], kinds_listed(name, "waiting", 1).await);
    platform.recover_operation("inbound-message");
    connection.wait_for_customers(2).await;
    assert_eq!(vec!["message to the platform"; 2], kinds_listed(name, "delivered", 2).await);
}

/// The kinds of an integration's messages in this state, once there are `count`.
async fn kinds_listed(name: &str, status: &str, count: usize) -> Vec<String> {
    let list = Command::new(&["--json", "messages", "list", "--status", status, "--integration", name]);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let listed = list.clone().run().await.succeeded().json();
        let rows = listed["messages"].as_array().expect("rows");
        if rows.len() == count {
            return rows.iter().map(|row| row["kind"].as_str().expect("a kind").to_owned()).collect();
        }
        assert!(Instant::now() < deadline, "{count} are not listed: {listed}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_to_be_handed_out_does_not_lose_the_customers_message() {
    let connection = Connection::new(PlatformName::MulticloudCx, ChannelName::Twilio).await;
    let twilio = connection.twilio();
    let inbound = Inbound::text(&connection.customer, "Here is the damage").with_file("video/mp4", vec![1; 5_000_000]);
    twilio.post(&twilio.inbound(&connection.integration.route_url("channel"), &inbound)).await.assert_received();
    let (text, _) = connection.wait_for_customers(1).await.remove(0);
    assert!(text.contains("Here is the damage") && text.contains("/channel/files/"), "{text}");
}

#[tokio::test]
async fn the_log_has_neither_the_customers_chat_nor_the_text() {
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Telegram).await;
    let (telegram, chat, text) = (connection.telegram(), 4_503_599_627_370_495, "text-of-a-customer");
    assert!(telegram.post(&telegram.start_chat(chat, None)).await.is_success());
    assert!(telegram.post(&telegram.text(chat, text)).await.is_success());
    let name = connection.integration.name.as_str();
    let log = log_with(name, &[("accepted", "channel_receiver"), ("inbound_posted", "")]).await;
    assert!(!log.contains(&chat.to_string()) && !log.contains(text));
}

#[tokio::test]
async fn a_message_that_was_reported_as_sent_is_not_sent_again_on_a_platform_without_such_a_status() {
    let (connection, _, message) = with_unknown_outcome(PlatformName::GenesysCloud, "Failed").await;
    let name = connection.integration.name.as_str();
    connection.twilio().report(&message, Status::SENT).await;
    log_with(name, &[("receipt_recorded", "Pending")]).await;
    replay(name).await;
    log_with(name, &[("dropped", "the channel has reported that it was sent")]).await;
    assert_eq!(1, connection.twilio().messages().len());
}

#[tokio::test]
async fn a_reported_failure_of_a_callers_card_is_logged_and_the_platform_gets_no_receipt() {
    let connection = Connection::new(PlatformName::MulticloudCx, ChannelName::Twilio).await;
    let card = FromAgent::Choice { text: "Keep the order?", options: &["Yes", "No"] };
    let id = connection.agent(&card).await;
    connection.wait_for_shown(1).await;
    let message = connection.twilio().messages().pop().expect("a message");
    connection.twilio().report(&message, Status::undelivered(30007)).await;
    log_with(connection.integration.name.as_str(), &[("reported_failed", "30007"), ("receipt_recorded", "Failed")])
        .await;
    assert!(connection.platform.receipts().iter().all(|(of, _)| *of != id));
}
