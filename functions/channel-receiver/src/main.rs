//! `…/channel`: puts what customers do through a channel, and delivery statuses, on the queue, and hands out customers'
//! files to the platform.

mod files;
mod receiver;

use lambda_http::Error;
use receiver::Receiver;
use shared::api::serve;
use shared::aws::{self, Service, required_env};
use shared::channel::Channels;
use shared::delivery::queue::MessageQueue;
use shared::http_client::HttpClient;
use shared::integration::IntegrationStore;
use shared::media::MediaFetcher;
use shared::observability::logging;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::Sqs]).await?;
    let receiver = Receiver {
        integrations: IntegrationStore::connect(&aws)?,
        queue: MessageQueue::new(aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?),
        channels: Channels::new(&http, MediaFetcher::new(&http)?),
    };
    serve(receiver, |receiver, request| async move { receiver.handle(request).await }).await
}
