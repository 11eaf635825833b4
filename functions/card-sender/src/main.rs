//! The function behind `POST /integrations/{integration}/cards`: sends a card the way that the integration is configured
//! for, to the platform itself or to the messaging service.

mod messaging_service;
mod open_messaging;

use lambda_http::{Error, Request, run, service_fn};
use messaging_service::MessagingServiceRoute;
use open_messaging::OpenMessagingRoute;
use shared::api::{Repeats, SenderRequest, SenderRoute};
use shared::aws::{self, required_env};
use shared::delivery::queue::MessageQueue;
use shared::integration::CardRoute;
use shared::model::card::CardRequest;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let route = SenderRoute::connect(Route::Cards, Repeats::Never).await?;
    let queue = MessageQueue::new(aws_sdk_sqs::Client::new(&aws::config().await), required_env("QUEUE_URL")?);
    let platforms = Arc::new(Platforms::new()?);
    let open_messaging = OpenMessagingRoute::new(Arc::clone(&platforms));
    let messaging_service = MessagingServiceRoute::new(platforms, queue);
    let routes = Arc::new((route, open_messaging, messaging_service));
    run(service_fn(move |request: Request| {
        let routes = Arc::clone(&routes);
        async move {
            let (route, open_messaging, messaging_service) = &*routes;
            let work = async |request: &SenderRequest, card: CardRequest| match request.integration.cards {
                CardRoute::OpenMessaging => open_messaging.send(request, &card).await,
                CardRoute::MessagingService { text_trace } => messaging_service.send(request, &card, text_trace).await,
            };
            Ok::<_, Error>(route.answer(request.into(), CardRequest::read, work).await)
        }
    }))
    .await
}
