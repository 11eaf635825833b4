//! `POST /integrations/{integration}/conversations/{conversationId}/communications/{communicationId}/{messages,typing}`:
//! sends messages on behalf of agents.

mod request;
mod sender;
mod upload;

use lambda_http::Error;
use request::{AgentRequest, TypingRequest};
use sender::AgentSender;
use shared::api::{Endpoint, RequestContext, RetrySafety, route_not_found, serve};
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::media::MediaFetcher;
use shared::observability::logging;
use shared::platform::tokens::NoAccessTokens;
use shared::platform::{Platforms, Route};
use std::sync::Arc;
use upload::Uploader;

/// Lambda accepts no larger event.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAXIMUM_BODY_BYTES: usize = 6 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let messages = Endpoint::from_env(&aws, Route::AgentMessages, RetrySafety::NotIdempotent)?;
    let messages = messages.with_maximum_body(MAXIMUM_BODY_BYTES);
    let typing = messages.for_route(Route::AgentTyping, RetrySafety::Idempotent);
    // No platform whose tokens expire has these routes.
    let platforms = Platforms::new(&http, Arc::new(NoAccessTokens));
    let sender = AgentSender::new(platforms, Uploader::new(MediaFetcher::new(&http)?));
    serve((messages, typing, sender), |state, request| async move {
        let (messages, typing, sender) = &*state;
        match request.path.last_segment() {
            "messages" => {
                let work = async |context: &RequestContext, message| sender.send(context, message).await;
                messages.handle(request, AgentRequest::read, work).await
            }
            "typing" => {
                let work = async |context: &RequestContext, event| sender.post_typing(context, event).await;
                typing.handle(request, TypingRequest::read, work).await
            }
            _ => route_not_found(&request),
        }
    })
    .await
}
