//! `POST /integrations/{integration}/agentless` and `…/agentless/cancel`: sends messages without an agent, and cancels
//! scheduled ones.

use lambda_http::Error;
use serde_json::json;
use shared::api::problem::Problem;
use shared::api::{Endpoint, Reply, RequestContext, RetrySafety, route_not_found, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::ledger::ConversationIndex;
use shared::model::agentless::{AgentlessMessage, ScheduledMessage};
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let messages = Endpoint::from_env(&aws, Route::Agentless, RetrySafety::NotIdempotent)?;
    let cancellations = messages.for_route(Route::AgentlessCancel, RetrySafety::Idempotent);
    let tokens = Arc::new(AuthorizationStore::connect(&aws, messages.ledger().clone())?);
    let conversations = ConversationIndex::from_env(messages.ledger());
    let state = (messages, cancellations, Platforms::new(&http, tokens), conversations);
    serve(state, |state, request| async move {
        let (messages, cancellations, platforms, conversations) = &*state;
        match request.path.last_segment() {
            "agentless" => {
                let work =
                    async |context: &RequestContext, message| send(platforms, conversations, context, &message).await;
                messages.handle(request, AgentlessMessage::read, work).await
            }
            "cancel" => {
                let work = async |context: &RequestContext, message| cancel(platforms, context, &message).await;
                cancellations.handle(request, ScheduledMessage::read, work).await
            }
            _ => route_not_found(&request),
        }
    })
    .await
}

async fn send(
    platforms: &Platforms,
    conversations: &ConversationIndex,
    context: &RequestContext,
    message: &AgentlessMessage,
) -> Result<Reply, Problem> {
    let sending = context
        .call(|current| async move { platforms.send_agentless(&current.platform, message, context.deadline).await });
    let sent = sending.await?;
    let conversation_id = sent.conversation_id.as_deref();
    let customer = || message.open_customer();
    conversations.learn(conversation_id, &context.integration, context.deadline, customer).await;
    Ok(Reply::ok(serde_json::to_value(sent).unwrap_or_default()))
}

async fn cancel(platforms: &Platforms, context: &RequestContext, message: &ScheduledMessage) -> Result<Reply, Problem> {
    let cancelling = context
        .call(|current| async move { platforms.cancel_agentless(&current.platform, message, context.deadline).await });
    cancelling.await?;
    Ok(Reply::ok(json!({ "outcome": "cancelled" })))
}
