//! The function behind `POST /integrations/{integration}/conversations/{conversationId}/communications/{communicationId}/`
//! `{messages,typing}`: says in a conversation what the company's systems want said there for an agent.

mod request;
mod sender;
mod upload;

use lambda_http::{Error, Request, run, service_fn};
use request::{AgentRequest, TypingRequest};
use sender::AgentSender;
use shared::api::request::Incoming;
use shared::api::{Repeats, SenderRequest, SenderRoute, no_such_route};
use shared::media::MediaFetcher;
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;
use upload::Uploader;

/// The largest body, in bytes: Lambda takes no larger event.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MAXIMUM_BODY_BYTES: usize = 6 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let messages =
        SenderRoute::connect(Route::AgentMessages, Repeats::Never).await?.with_maximum_body(MAXIMUM_BODY_BYTES);
    let typing = messages.beside(Route::AgentTyping, Repeats::Harmless);
    let sender = AgentSender::new(Platforms::new()?, Uploader::new(MediaFetcher::new()?));
    let routes = Arc::new((messages, typing, sender));
    run(service_fn(move |request: Request| {
        let routes = Arc::clone(&routes);
        async move {
            let (messages, typing, sender) = &*routes;
            let incoming = Incoming::from(request);
            Ok::<_, Error>(match incoming.path.last_segment() {
                "messages" => {
                    let work = async |request: &SenderRequest, message| sender.send(request, message).await;
                    messages.answer(incoming, AgentRequest::read, work).await
                }
                "typing" => {
                    let work = async |request: &SenderRequest, event| sender.post_typing(request, event).await;
                    typing.answer(incoming, TypingRequest::read, work).await
                }
                _ => no_such_route(&incoming),
            })
        }
    }))
    .await
}
