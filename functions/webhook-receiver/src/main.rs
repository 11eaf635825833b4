//! The function behind `POST /integrations/{integration}/webhook`: takes a platform's signed webhook, puts it on the
//! queue, and answers.

mod receiver;

use lambda_http::{Error, run, service_fn};
use receiver::Receiver;
use shared::aws::{self, required_env};
use shared::delivery::queue::MessageQueue;
use shared::integration::IntegrationStore;
use shared::observability::logging;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let config = aws::config().await;
    let receiver = Arc::new(Receiver::new(
        IntegrationStore::connect(&config)?,
        MessageQueue::new(aws_sdk_sqs::Client::new(&config), required_env("QUEUE_URL")?),
    ));
    run(service_fn(move |request| Arc::clone(&receiver).answer(request))).await
}
