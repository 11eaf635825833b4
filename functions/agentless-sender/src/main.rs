//! `POST /integrations/{integration}/agentless`: sends messages without an agent.

use lambda_http::Error;
use shared::api::problem::Problem;
use shared::api::{Endpoint, Reply, RequestContext, RetrySafety, serve};
use shared::authorization::AuthorizationStore;
use shared::aws::{self, Service};
use shared::http_client::HttpClient;
use shared::model::agentless::AgentlessMessage;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let http = HttpClient::from_env()?;
    let aws = aws::connect(&http, &[Service::SecretsManager, Service::DynamoDb]).await?;
    let endpoint = Endpoint::from_env(&aws, Route::Agentless, RetrySafety::NotIdempotent)?;
    let tokens = Arc::new(AuthorizationStore::connect(&aws, endpoint.ledger().clone())?);
    serve((endpoint, Platforms::new(&http, tokens)), |state, request| async move {
        let (endpoint, platforms) = &*state;
        let work = async |context: &RequestContext, message| send(platforms, context, &message).await;
        endpoint.handle(request, AgentlessMessage::read, work).await
    })
    .await
}

async fn send(platforms: &Platforms, context: &RequestContext, message: &AgentlessMessage) -> Result<Reply, Problem> {
    let sending = context
        .call(|current| async move { platforms.send_agentless(&current.platform, message, context.deadline).await });
    let sent = sending.await?;
    Ok(Reply::ok(serde_json::to_value(sent).unwrap_or_default()))
}
