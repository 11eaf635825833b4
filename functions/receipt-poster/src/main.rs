//! The function behind `POST /integrations/{integration}/receipts`: tells the platform what became of its messages.

mod poster;
mod request;
mod together;

use lambda_http::{Error, Request, run, service_fn};
use poster::Poster;
use request::Receipts;
use shared::api::{Repeats, SenderRequest, SenderRoute};
use shared::observability::logging;
use shared::platform::{Platforms, Route};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init(env!("CARGO_CRATE_NAME"));
    let route = Arc::new(SenderRoute::connect(Route::Receipts, Repeats::Harmless).await?);
    let poster = Arc::new(Poster::new(route.ledger().clone(), Platforms::new()?));
    run(service_fn(move |request: Request| {
        let (route, poster) = (Arc::clone(&route), Arc::clone(&poster));
        async move {
            let work = async |request: &SenderRequest, receipts: Receipts| {
                poster.post(request, receipts.with_trace_id(request.trace_id.as_ref())).await
            };
            Ok::<_, Error>(route.answer(request.into(), Receipts::read, work).await)
        }
    }))
    .await
}
