//! The function behind `POST /integrations/{integration}/agentless`: sends a message that no agent writes.

use lambda_http::{Error, Request, run, service_fn};
use shared::api::problem::Problem;
use shared::api::{Repeats, Reply, SenderRequest, SenderRoute};
use shared::model::agentless::AgentlessMessage;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let route = Arc::new(SenderRoute::connect(Route::Agentless, Repeats::Never).await?);
    let platforms = Arc::new(Platforms::new()?);
    run(service_fn(move |request: Request| {
        let (route, platforms) = (Arc::clone(&route), Arc::clone(&platforms));
        async move {
            let work =
                async |request: &SenderRequest, message: AgentlessMessage| send(&platforms, request, &message).await;
            Ok::<_, Error>(route.answer(request.into(), AgentlessMessage::read, work).await)
        }
    }))
    .await
}

async fn send(platforms: &Platforms, request: &SenderRequest, message: &AgentlessMessage) -> Result<Reply, Problem> {
    let sending = request
        .call(|current| async move { platforms.send_agentless(&current.platform, message, request.deadline).await });
    let sent = sending.await?;
    Ok(Reply::ok(serde_json::to_value(sent).unwrap_or_default()))
}
