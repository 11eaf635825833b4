//! A conversation event on the queue. A version before conversation events cannot read it, and returns it to the queue until
//! a later version receives it.

use jiff::Timestamp;
use shared::delivery::envelope::{Envelope, QueuedConversationEvent};
use shared::delivery::queue::MessageQueue;
use shared::model::conversation::CustomerAddress;
use shared::platform::PlatformName;
use std::error::Error;
use tests::harness::stack::{Stack, TestIntegration};
use tests::harness::tally::{Outcome, Phase, Sent};

const EVENT: &str = include_str!("../../../fixtures/genesys-cloud/events/customer-end.json");

/// The customer of the conversation, who sends nothing else.
const CUSTOMER: &str = "customer-of-the-event";

pub(crate) async fn enqueue(stack: &Stack, integration: &TestIntegration) -> Result<Sent, Box<dyn Error>> {
    let customer = CustomerAddress { id: CUSTOMER.to_owned(), id_type: None };
    let event = QueuedConversationEvent { customer, original: serde_json::from_str(EVENT)? };
    let (name, platform) = (integration.name.clone(), PlatformName::GenesysCloud);
    let envelope = Envelope::of_conversation_event(name, platform, Timestamp::now(), event);
    let message = envelope.message().map_err(|error| error.to_string())?;
    let queue = MessageQueue::new(stack.sqs.clone(), stack.queue_url.clone());
    queue.send_message(&envelope, &message).await.map_err(|error| error.to_string())?;
    Ok(Sent {
        id: message.message_id,
        customer: CUSTOMER.to_owned(),
        phase: Phase::Before,
        outcome: Outcome::Accepted,
        retries: Vec::new(),
    })
}
