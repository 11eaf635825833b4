//! The function behind `POST /integrations/{integration}/inbound/{messages,events,responses}`: tells the platform what
//! customers write, type and choose.

mod inbox;

use inbox::Inbox;
use lambda_http::{Error, Request, run, service_fn};
use shared::api::request::Incoming;
use shared::api::{Keeps, Repeats, SenderRequest, SenderRoute, no_such_route};
use shared::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    // Whether repeats are harmless is the platform's say as well. A refusal may have been the configuration's fault, so that
    // it is not kept.
    let messages = SenderRoute::connect(Route::InboundMessages, Repeats::Harmless).await?.keeping(Keeps::Success);
    let responses = messages.beside(Route::InboundResponses, Repeats::Harmless).keeping(Keeps::Success);
    let events = messages.beside(Route::InboundEvents, Repeats::Harmless).keeping(Keeps::Success);
    let inbox = Inbox::new(messages.ledger().clone(), Platforms::new()?);
    let routes = Arc::new((messages, responses, events, inbox));
    run(service_fn(move |request: Request| {
        let routes = Arc::clone(&routes);
        async move {
            let (messages, responses, events, inbox) = &*routes;
            let incoming = Incoming::from(request);
            Ok::<_, Error>(match incoming.path.last_segment() {
                "messages" => {
                    let work = async |request: &SenderRequest, message| inbox.post_message(request, message).await;
                    messages.answer(incoming, InboundMessage::read, work).await
                }
                "responses" => {
                    let work = async |request: &SenderRequest, response| inbox.post_response(request, response).await;
                    responses.answer(incoming, InboundResponse::read, work).await
                }
                "events" => {
                    let work = async |request: &SenderRequest, typing| inbox.post_typing(request, typing).await;
                    events.answer(incoming, InboundTyping::read, work).await
                }
                _ => no_such_route(&incoming),
            })
        }
    }))
    .await
}
