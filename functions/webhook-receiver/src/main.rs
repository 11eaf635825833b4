//! `POST /integrations/{integration}/webhook`: puts a platform's signed webhook on the queue and acknowledges it.

mod receiver;

use lambda_http::Error;
use receiver::Receiver;
use shared::api::serve;
use shared::aws::{self, Service, required_env};
use shared::delivery::queue::MessageQueue;
use shared::integration::IntegrationStore;
use shared::observability::logging;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::connect_only(&[Service::SecretsManager, Service::Sqs]).await?;
    let receiver = Receiver::new(
        IntegrationStore::connect(&aws)?,
        MessageQueue::new(aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?),
    );
    serve(receiver, |receiver, request| async move { receiver.handle(request).await }).await
}
