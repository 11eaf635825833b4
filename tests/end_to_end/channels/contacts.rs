//! HighLevel with Telegram: customers of whom neither phone number nor email address is known are contacts that Patchbay
//! creates.

use super::customer::Connection;
use super::platform::{FromAgent, Platform};
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use std::collections::BTreeSet;
use tests::simulators::highlevel::PROVIDER_ID;
use tests::simulators::highlevel::api::{Call, Contact, Fault, HighLevel};

async fn connection() -> Connection {
    Connection::new(PlatformName::HighLevel, ChannelName::Telegram).await
}

impl Connection {
    fn highlevel(&self) -> &HighLevel {
        let Platform::HighLevel(platform, _) = &self.platform else { panic!("another platform") };
        platform
    }

    /// The customer's messages, as the platform has got them.
    async fn posted(&self, count: usize) -> Vec<Call> {
        self.wait_for_customers(count).await;
        self.highlevel().calls_of("inbound")
    }
}

/// With a customer who has written, and whose contact was deleted: its id.
async fn with_deleted_contact() -> (Connection, String) {
    let connection = connection().await;
    connection.customer_writes("Hello").await;
    let old = contact_of(&connection.posted(1).await[0]).to_owned();
    connection.highlevel().delete_contact(&old);
    (connection, old)
}

fn contact_of(call: &Call) -> &str {
    call.body["contactId"].as_str().expect("a contact")
}

#[tokio::test]
async fn a_customer_is_one_contact_with_their_name() {
    let connection = connection().await;
    for text in ["Hello", "Is anyone there?"] {
        connection.customer_writes(text).await;
    }
    let posted = connection.posted(2).await;
    let contacts = connection.highlevel().contacts();
    let [Contact { id, phone: None, email: None, name: Some(name) }] = contacts.as_slice() else {
        panic!("{contacts:?}")
    };
    assert!(!name.is_empty());
    assert_eq!(vec![id.as_str(); 2], posted.iter().map(contact_of).collect::<Vec<_>>());
    let provider: BTreeSet<_> = posted.iter().map(|call| call.body["conversationProviderId"].to_string()).collect();
    assert_eq!(BTreeSet::from([json!(PROVIDER_ID).to_string()]), provider);
    let answer = connection.agent(&FromAgent::Text("Good morning")).await;
    assert_eq!("Good morning", connection.wait_for_shown(1).await[0].text);
    connection.wait_for_receipt(&answer, "delivered").await;
}

#[tokio::test]
async fn a_contact_that_was_deleted_is_replaced_and_no_message_is_lost() {
    let (connection, old) = with_deleted_contact().await;
    connection.customer_writes("Are you there?").await;
    let posted = connection.posted(2).await;
    let new = connection.highlevel().contacts().remove(0).id;
    assert_eq!((json!("Are you there?"), new.as_str()), (posted[1].body["message"].clone(), contact_of(&posted[1])));
    assert_ne!(old, new);
    // The agent's answer goes to the new contact, and reaches the same customer.
    connection.agent(&FromAgent::Text("Yes")).await;
    assert_eq!("Yes", connection.wait_for_shown(1).await[0].text);
}

#[tokio::test]
async fn a_message_waits_while_its_refused_contact_cannot_be_looked_up() {
    let (connection, _) = with_deleted_contact().await;
    connection.highlevel().set_unavailable(Some("contact"));
    connection.customer_writes("Are you there?").await;
    log_with(connection.integration.name.as_str(), &[("\"outcome\":\"inbound_retry\"", "")]).await;
    connection.highlevel().set_unavailable(None);
    assert_eq!(json!("Are you there?"), connection.posted(2).await[1].body["message"]);
}

#[tokio::test]
async fn a_refused_message_makes_no_other_contact() {
    let connection = connection().await;
    connection.customer_writes("Hello").await;
    connection.posted(1).await;
    connection.highlevel().fail([Fault::Status(400)]);
    connection.customer_writes("Refused").await;
    connection.customer_writes("The next").await;
    let posted = connection.posted(2).await;
    assert_eq!(json!("The next"), posted[1].body["message"]);
    assert_eq!((1, 1), (connection.highlevel().contacts().len(), connection.highlevel().calls_of("contact").len()));
}

#[tokio::test]
async fn a_lost_answer_to_the_creation_of_a_contact_delays_the_message_and_does_not_repeat_it() {
    let connection = connection().await;
    connection.highlevel().fail([Fault::ResponseLost]);
    for text in ["Hello", "The next"] {
        connection.customer_writes(text).await;
    }
    let posted = connection.posted(2).await;
    let texts: Vec<_> = posted.iter().map(|call| call.body["message"].clone()).collect();
    assert_eq!(vec![json!("Hello"), json!("The next")], texts);
    assert_eq!(contact_of(&posted[0]), contact_of(&posted[1]));
}

#[tokio::test]
async fn a_message_to_a_contact_who_never_wrote_through_the_channel_fails_with_the_reason() {
    let connection = connection().await;
    let stranger = Contact { id: "stranger".to_owned(), phone: None, email: None, name: Some("Bob".to_owned()) };
    connection.highlevel().add_contact(stranger);
    let id = connection.agent(&FromAgent::Text("Good morning")).await;
    connection.wait_for_receipt(&id, "failed").await;
    let statuses = connection.highlevel().calls_of("status");
    let error = statuses.iter().map(|call| &call.body["error"]).find(|error| **error != Value::Null);
    let message = error.and_then(|error| error["message"].as_str()).expect("a reason");
    assert!(message.contains("has not written through the channel"), "{message}");
    assert!(connection.shown().is_empty());
}
