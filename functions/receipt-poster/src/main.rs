//! `POST /integrations/{integration}/receipts`: posts delivery receipts to the platform, or puts them onto the queue for
//! callers who prefer that.

mod acceptor;
mod batch;
mod poster;
mod request;

use acceptor::ReceiptAcceptor;
use lambda_http::Error;
use poster::Poster;
use request::Receipts;
use shared::api::{Endpoint, RequestContext, RetrySafety, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service, required_env};
use shared::delivery::queue::MessageQueue;
use shared::http_client::HttpClient;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    // It calls SQS only for callers who prefer that.
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let endpoint = Endpoint::from_env(&aws, Route::Receipts, RetrySafety::Idempotent)?.with_deferral();
    let tokens = Arc::new(AuthorizationStore::connect(&aws, endpoint.ledger().clone())?);
    let poster = Poster::new(endpoint.ledger().clone(), Platforms::new(&http, tokens));
    let acceptor = ReceiptAcceptor::new(MessageQueue::new(aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?));
    serve((endpoint, poster, acceptor), |state, request| async move {
        let (endpoint, poster, acceptor) = &*state;
        let work = async |context: &RequestContext, receipts| match context.deferred {
            Some(_) => acceptor.accept(context, receipts).await,
            None => poster.post(context, receipts).await,
        };
        endpoint.handle(request, Receipts::read, work).await
    })
    .await
}
