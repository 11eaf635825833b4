//! The function on the queue behind the platform's event source: puts what happens to conversations on the queue of their
//! customers' messages, from which the dispatcher delivers it.

mod batch;
mod handler;
mod outcome;

use batch::handle;
use handler::EventHandler;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::aws::{self, Service, required_env};
use shared::delivery::queue::MessageQueue;
use shared::delivery::records::Queue;
use shared::ledger::Ledger;
use shared::observability::logging;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::connect_only(&[Service::DynamoDb, Service::Sqs]).await?;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let events = Queue::new(sqs.clone(), required_env("EVENT_QUEUE_URL")?);
    let handler = EventHandler {
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&aws), required_env("LEDGER_TABLE")?),
        queue: MessageQueue::new(sqs.clone(), required_env("QUEUE_URL")?),
        dead_letters: Queue::new(sqs, required_env("EVENT_DEAD_LETTER_QUEUE_URL")?),
        source: required_env("EVENT_SOURCE")?,
    };
    let state = Arc::new((handler, events));
    run(service_fn(move |event: LambdaEvent<_>| {
        let state = Arc::clone(&state);
        async move {
            let (handler, events) = &*state;
            Ok::<_, Error>(handle(handler, events, event).await)
        }
    }))
    .await
}
