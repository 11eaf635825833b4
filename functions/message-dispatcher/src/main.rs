//! The function on the queue: delivers messages to the company's messaging service or through a channel, in order for each
//! customer, and posts to the platform what customers do and receipts.

mod attempt;
mod authorization_check;
mod backoff;
mod batch;
mod channel;
mod choice;
mod circuits;
mod contact;
mod dispatcher;
mod failure;
mod group;
mod handle_inbound;
mod handle_message;
mod handle_probe;
mod handle_receipt;
mod handle_withdrawal;
mod immediate_receipt;
mod inbound_outcome;
mod lanes;
mod outcome;
mod record;
mod sent_once;
#[cfg(test)]
mod simulation;
mod task;

use authorization_check::AuthorizationChecks;
use batch::Batch;
use circuits::Circuits;
use dispatcher::Dispatcher;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use lanes::Lanes;
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service, required_env};
use shared::channel::Channels;
use shared::delivery::client::MessagingServiceClient;
use shared::delivery::parking::Parking;
use shared::delivery::queue::MessageQueue;
use shared::http_client::HttpClient;
use shared::inbound::{FileUploader, InboundPoster};
use shared::integration::IntegrationStore;
use shared::ledger::{ConversationIndex, Ledger};
use shared::media::MediaFetcher;
use shared::observability::logging;
use shared::platform::Platforms;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    // It calls SQS only when a message fails.
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let (sqs, queue_url) = (aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?);
    let lanes = Arc::new(Lanes::new(&sqs, queue_url.clone(), required_env("RETRY_QUEUE_URL").ok()));
    let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(&aws), required_env("LEDGER_TABLE")?);
    let authorizations = Arc::new(AuthorizationStore::connect(&aws, ledger.clone())?);
    let media = MediaFetcher::new(&http)?;
    let files = FileUploader::new(media.clone());
    let platforms = Arc::new(Platforms::new(&http, authorizations));
    let dispatcher = Arc::new(Dispatcher {
        integrations: Arc::new(IntegrationStore::connect(&aws)?),
        circuits: Circuits::new(ledger.clone()),
        conversations: ConversationIndex::from_env(&ledger),
        inbound: InboundPoster::new(ledger.clone(), Arc::clone(&platforms), files),
        ledger,
        messaging_service: MessagingServiceClient::new(http.clone()),
        channels: Channels::new(&http, media),
        platforms,
        authorization_checks: AuthorizationChecks::default(),
        queue: MessageQueue::new(sqs.clone(), queue_url),
        parking: Parking::from_setting(required_env("PARKING_QUEUE_URL").ok(), sqs),
    });
    run(service_fn(move |event: LambdaEvent<_>| {
        let (dispatcher, lanes) = (Arc::clone(&dispatcher), Arc::clone(&lanes));
        async move { Ok::<_, Error>(Batch::new(event, &lanes).handle(dispatcher, lanes).await) }
    }))
    .await
}
