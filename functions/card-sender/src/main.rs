//! `POST /integrations/{integration}/cards`: sends cards, to the platform or to the messaging service, as the integration
//! is configured.

mod messaging_service;
mod open_messaging;

use lambda_http::Error;
use messaging_service::MessagingServiceRoute;
use open_messaging::OpenMessagingRoute;
use shared::api::{Endpoint, RequestContext, RetrySafety, serve};
use shared::aws::{self, Service, required_env};
use shared::delivery::queue::MessageQueue;
use shared::http_client::HttpClient;
use shared::integration::CardRoute;
use shared::model::card::CardRequest;
use shared::observability::logging;
use shared::platform::tokens::NoAccessTokens;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb, Service::Sqs]).await?;
    let endpoint = Endpoint::from_env(&aws, Route::Cards, RetrySafety::NotIdempotent)?;
    let queue = MessageQueue::new(aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?);
    // No platform whose tokens expire has this route.
    let platforms = Arc::new(Platforms::new(&http, Arc::new(NoAccessTokens)));
    let open_messaging = OpenMessagingRoute::new(Arc::clone(&platforms));
    let messaging_service = MessagingServiceRoute::new(platforms, queue);
    serve((endpoint, open_messaging, messaging_service), |state, request| async move {
        let (endpoint, open_messaging, messaging_service) = &*state;
        let work = async |context: &RequestContext, card: CardRequest| match context.integration.cards {
            CardRoute::OpenMessaging => open_messaging.send(context, &card).await,
            CardRoute::MessagingService { text_trace } => messaging_service.send(context, &card, text_trace).await,
        };
        endpoint.handle(request, CardRequest::read, work).await
    })
    .await
}
