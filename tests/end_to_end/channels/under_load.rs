//! Order, and nothing twice, under load: a channel knows no idempotency key.

use super::customer::Connection;
use serde_json::Value;
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use std::collections::{BTreeSet, HashMap};
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::stack::DISPATCHERS;
use tests::simulators::genesys_cloud::text;
use tests::simulators::twilio::{Fault, Message};

const CUSTOMERS: usize = 50;
const MESSAGES: usize = 10;

#[tokio::test]
async fn five_hundred_messages_with_faults_and_killed_functions_arrive_in_order_and_none_twice() {
    let _busy = DISPATCHERS.acquire().await;
    let connection = Connection::new(PlatformName::GenesysCloud, ChannelName::Twilio).await;
    let twilio = connection.twilio();
    let lanes = OwnLanes::start(Setup { direct: 2, retry: 2, ..Setup::DEFAULT }).await;
    let customer = |number: usize| format!("+1500555{number:04}");
    let faults = [Fault::RateLimited(1), Fault::Status(503), Fault::ResponseLost, Fault::Reset];
    twilio.fail(faults.into_iter().cycle().take(12));
    let mut written = HashMap::new();
    for message in 0..MESSAGES {
        for number in 0..CUSTOMERS {
            let webhook = text(&connection.integration, &customer(number), &message.to_string());
            written.insert(webhook.id(), (customer(number), message.to_string()));
            lanes.send(&connection.integration, &webhook).await;
        }
    }
    for killed_after in [50, 150, 250] {
        twilio.wait_until(|messages| messages.len() >= killed_after).await;
        lanes.kill_dispatchers().await;
    }
    lanes.wait_until_empty().await;

    let messages = twilio.messages();
    for number in 0..CUSTOMERS {
        let sent = texts_to(&messages, &customer(number));
        let in_order: Vec<_> =
            (0..MESSAGES).map(|message| message.to_string()).filter(|text| sent.contains(text)).collect();
        assert_eq!(in_order, sent, "each once, and in order: {}", customer(number));
    }
    // What is missing was reported to the agent: as failed, with an unknown outcome.
    let Connection { platform, .. } = &connection;
    let failed = platform.receipts().into_iter().filter(|(_, status)| status == "Failed");
    let failed: BTreeSet<_> = failed.map(|(id, _)| written.get(&id).expect("a message of the test")).collect();
    let sent: BTreeSet<_> = messages.iter().map(|message| (message.to.clone(), message.body.clone())).collect();
    let missing: BTreeSet<_> = written.values().filter(|message| !sent.contains(*message)).collect();
    assert!(missing.is_subset(&failed), "missing: {missing:?}, reported: {failed:?}");
    let unknown = lanes.lines(&connection.integration, "failed");
    assert!(unknown.iter().all(|line: &Value| line["reason"] == "outcome-unknown"), "{unknown:?}");
    assert!(failed.len() < 60, "few were in flight when a function was killed: {}", failed.len());
}

fn texts_to(messages: &[Message], customer: &str) -> Vec<String> {
    messages.iter().filter(|message| message.to == customer).map(|message| message.body.clone()).collect()
}
