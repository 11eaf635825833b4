//! The function on the queue: delivers messages to the company's messaging service, each customer's in order, and tells
//! the platform what became of them.

mod backoff;
mod batch;
mod delivery;
mod dispatcher;
mod end;
mod failure;
mod immediate_receipt;
mod message;
mod patience;
mod probe;
mod queue;
mod receipt;

use batch::Batch;
use delivery::MessagingService;
use dispatcher::Dispatcher;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use queue::Queue;
use shared::aws::{self, required_env};
use shared::delivery::parking::Parking;
use shared::delivery::queue::MessageQueue;
use shared::integration::IntegrationStore;
use shared::ledger::Ledger;
use shared::observability::logging;
use shared::platform::Platforms;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let config = aws::config().await;
    let (sqs, queue_url) = (aws_sdk_sqs::Client::new(&config), required_env("QUEUE_URL")?);
    let queue = Arc::new(Queue::new(sqs.clone(), queue_url.clone()));
    let dispatcher = Arc::new(Dispatcher {
        integrations: IntegrationStore::connect(&config)?,
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&config), required_env("LEDGER_TABLE")?),
        messaging_service: MessagingService::new()?,
        platforms: Platforms::new()?,
        queue: MessageQueue::new(sqs.clone(), queue_url),
        parking: Parking::of(required_env("PARKING_QUEUE_URL").ok(), sqs),
    });
    run(service_fn(move |event: LambdaEvent<_>| {
        let (dispatcher, queue) = (Arc::clone(&dispatcher), Arc::clone(&queue));
        async move { Ok::<_, Error>(Batch::from(event).handle(dispatcher, &queue).await) }
    }))
    .await
}
