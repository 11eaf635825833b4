//! A sample messaging service. It checks the signature of deliveries, prints them as a chat, shows the chat on a page
//! as the customer sees it, and posts what the customer writes there to Patchbay. `GET /deliveries` lists all
//! deliveries, repeats included.
//!
//! It shows what a messaging service has to do. It uses nothing of Patchbay but the signatures, for which Standard
//! Webhooks has a library in most languages, and the parser of `Retry-After`.
//!
//! README.md lists its environment variables.

#![allow(clippy::print_stdout)]

mod agents;
mod answers;
mod chat;
mod deliveries;
mod events;
mod inbound;
mod own;
mod page;
mod terminal;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use chat::Chats;
use deliveries::Deliveries;
use inbound::Inbound;
use reqwest::Url;
use sample_messaging_service::web::files;
use sample_messaging_service::web::guard::{self, Policy};
use shared::signature::standard_webhooks::SigningSecret;
use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;

const LARGEST_DELIVERY: usize = 8 * 1024 * 1024;
const LARGEST_ANSWER: usize = 64 * 1024;

struct Service {
    secret: SigningSecret,
    refused_customer: Option<String>,
    deliveries: Deliveries,
    chats: Chats,
    inbound: Option<Inbound>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let service = Arc::new(Service {
        secret: SigningSecret::parse(&std::env::var("SIGNING_SECRET")?)?,
        refused_customer: std::env::var("REFUSED_CUSTOMER").ok(),
        deliveries: Deliveries::default(),
        chats: Chats::default(),
        inbound: Inbound::from_environment()?,
    });
    let parent = std::env::var("FRAMED_BY").ok().map(|url| url.parse::<Url>()).transpose()?;
    let policy = Policy::new(parent.as_ref(), [])?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router(service, policy)).await?;
    Ok(())
}

fn router(service: Arc<Service>, policy: Policy) -> Router {
    let customers = Router::new()
        .route("/customers", get(events::customers))
        .route("/customers/{customer}/events", get(events::events))
        .route("/customers/{customer}/messages", post(answers::message))
        .route("/customers/{customer}/responses", post(answers::response))
        .route("/customers/{customer}/retries", post(answers::retry))
        .route("/customers/{customer}/typing", post(answers::typing))
        .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
        .layer(from_fn(guard::own_page_only));
    let deliveries = Router::new()
        .route("/messages", post(deliveries::take))
        .route("/deliveries", get(deliveries::list_all))
        .layer(DefaultBodyLimit::max(LARGEST_DELIVERY));
    let files = files::routes(&page::FILES);
    let this_machine_only = from_fn_with_state(policy, guard::this_machine_only);
    customers.merge(deliveries).merge(files).layer(this_machine_only).with_state(service)
}
