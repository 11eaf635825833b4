//! `POST /integrations/{integration}/inbound/{messages,events,responses}`: posts what customers write, type and choose to
//! the platform, or puts it onto the queue for callers who prefer that.

use lambda_http::Error;
use shared::api::{Endpoint, ReplayPolicy, RequestContext, RetrySafety, route_not_found, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service, required_env};
use shared::delivery::queue::MessageQueue;
use shared::http_client::HttpClient;
use shared::inbound::{FileUploader, InboundAcceptor, InboundPoster, InboundRequest};
use shared::media::MediaFetcher;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    // It calls SQS only for callers who prefer that.
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    // Idempotent only if the platform deduplicates: the endpoint checks that. A refusal is not stored, because the
    // configuration may have caused it.
    let messages = Endpoint::from_env(&aws, Route::InboundMessages, RetrySafety::Idempotent)?;
    let messages = messages.with_replay_policy(ReplayPolicy::SuccessOnly).with_deferral();
    let other = |route| {
        let endpoint = messages.for_route(route, RetrySafety::Idempotent);
        endpoint.with_replay_policy(ReplayPolicy::SuccessOnly).with_deferral()
    };
    let (responses, events) = (other(Route::InboundResponses), other(Route::InboundEvents));
    let tokens = Arc::new(AuthorizationStore::connect(&aws, messages.ledger().clone())?);
    let files = FileUploader::new(MediaFetcher::new(&http)?);
    let platforms = Arc::new(Platforms::new(&http, tokens));
    let poster = InboundPoster::new(messages.ledger().clone(), platforms, files);
    let acceptor = InboundAcceptor::new(MessageQueue::new(aws_sdk_sqs::Client::new(&aws), required_env("QUEUE_URL")?));
    serve((messages, responses, events, poster, acceptor), |state, request| async move {
        let (messages, responses, events, poster, acceptor) = &*state;
        let (endpoint, route) = match request.path.last_segment() {
            "messages" => (messages, Route::InboundMessages),
            "responses" => (responses, Route::InboundResponses),
            "events" => (events, Route::InboundEvents),
            _ => return route_not_found(&request),
        };
        let work = async |context: &RequestContext, inbound: InboundRequest| match &context.deferred {
            Some(deferred) => acceptor.accept(context, deferred, &inbound).await,
            None => poster.post(context, inbound).await,
        };
        endpoint.handle(request, |fields| InboundRequest::read(route, fields), work).await
    })
    .await
}
