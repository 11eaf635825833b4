//! `POST /integrations/{integration}/inbound/{messages,events,responses}`: posts what customers write, type and choose to
//! the platform.

mod files;
mod inbound;

use files::FileUploader;
use inbound::InboundHandler;
use lambda_http::Error;
use shared::api::{Endpoint, ReplayPolicy, RequestContext, RetrySafety, route_not_found, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::media::MediaFetcher;
use shared::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    // Idempotent only if the platform deduplicates: the endpoint checks that. A refusal is not stored, because the
    // configuration may have caused it.
    let messages = Endpoint::from_env(&aws, Route::InboundMessages, RetrySafety::Idempotent)?;
    let messages = messages.with_replay_policy(ReplayPolicy::SuccessOnly);
    let other =
        |route| messages.for_route(route, RetrySafety::Idempotent).with_replay_policy(ReplayPolicy::SuccessOnly);
    let (responses, events) = (other(Route::InboundResponses), other(Route::InboundEvents));
    let tokens = Arc::new(AuthorizationStore::connect(&aws, messages.ledger().clone())?);
    let files = FileUploader::new(MediaFetcher::new(&http)?);
    let handler = InboundHandler::new(messages.ledger().clone(), Platforms::new(&http, tokens), files);
    serve((messages, responses, events, handler), |state, request| async move {
        let (messages, responses, events, handler) = &*state;
        match request.path.last_segment() {
            "messages" => {
                let work = async |context: &RequestContext, message| handler.post_message(context, message).await;
                messages.handle(request, InboundMessage::read, work).await
            }
            "responses" => {
                let work = async |context: &RequestContext, response| handler.post_response(context, response).await;
                responses.handle(request, InboundResponse::read, work).await
            }
            "events" => {
                let work = async |context: &RequestContext, typing| handler.post_typing(context, typing).await;
                events.handle(request, InboundTyping::read, work).await
            }
            _ => route_not_found(&request),
        }
    })
    .await
}
