//! `POST /integrations/{integration}/receipts`: posts delivery receipts to the platform.

mod batch;
mod poster;
mod request;

use lambda_http::Error;
use poster::Poster;
use request::Receipts;
use shared::api::{Endpoint, RequestContext, RetrySafety, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let endpoint = Endpoint::from_env(&aws, Route::Receipts, RetrySafety::Idempotent)?;
    let tokens = Arc::new(AuthorizationStore::connect(&aws, endpoint.ledger().clone())?);
    let poster = Poster::new(endpoint.ledger().clone(), Platforms::new(&http, tokens));
    serve((endpoint, poster), |state, request| async move {
        let (endpoint, poster) = &*state;
        let work = async |context: &RequestContext, receipts| poster.post(context, receipts).await;
        endpoint.handle(request, Receipts::read, work).await
    })
    .await
}
