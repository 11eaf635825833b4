//! `POST /integrations/{integration}/conversations/{conversationId}/communications/{communicationId}/{messages,typing}`:
//! sends messages on behalf of agents. `GET …/conversations/{conversationId}` and `POST …/end`: shows and ends the
//! conversation.

mod conversations;
mod request;
mod sender;
mod upload;

use lambda_http::Error;
use request::{AgentRequest, TypingRequest};
use sender::AgentSender;
use shared::api::{Endpoint, RequestContext, RetrySafety, route_not_found, serve};
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::json::fields::Fields;
use shared::media::MediaFetcher;
use shared::observability::logging;
use shared::platform::tokens::NoAccessTokens;
use shared::platform::{Platforms, Route};
use std::sync::Arc;
use upload::Uploader;

/// Lambda accepts no larger event.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let messages = Endpoint::from_env(&aws, Route::AgentMessages, RetrySafety::NotIdempotent)?;
    let messages = messages.with_maximum_body(MAX_BODY_BYTES);
    let typing = messages.for_route(Route::AgentTyping, RetrySafety::Idempotent);
    let show = messages.for_route(Route::ConversationsShow, RetrySafety::Idempotent);
    let end = messages.for_route(Route::ConversationsEnd, RetrySafety::Idempotent);
    // No platform whose tokens expire has these routes.
    let platforms = Platforms::new(&http, Arc::new(NoAccessTokens));
    let sender = AgentSender::new(platforms, Uploader::new(MediaFetcher::new(&http)?));
    serve((messages, typing, show, end, sender), |state, request| async move {
        let (messages, typing, show, end, sender) = &*state;
        match &request.path {
            path if path.is_of(Route::AgentMessages) => {
                let work = async |context: &RequestContext, message| sender.send(context, message).await;
                messages.handle(request, AgentRequest::read, work).await
            }
            path if path.is_of(Route::AgentTyping) => {
                let work = async |context: &RequestContext, event| sender.post_typing(context, event).await;
                typing.handle(request, TypingRequest::read, work).await
            }
            path if path.is_of(Route::ConversationsShow) => {
                let work = async |context: &RequestContext, ()| sender.conversations.show(context).await;
                show.handle(request, no_fields, work).await
            }
            path if path.is_of(Route::ConversationsEnd) => {
                let work = async |context: &RequestContext, ()| sender.conversations.end(context).await;
                end.handle(request, no_fields, work).await
            }
            _ => route_not_found(&request),
        }
    })
    .await
}

/// For routes whose requests say everything in their path.
fn no_fields(_: &mut Fields<'_>) -> Option<()> {
    Some(())
}
