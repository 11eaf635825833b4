//! The agent's desk: conversations as the simulated Genesys Cloud has them, beside the customer's side. What an agent
//! writes there becomes a webhook of the platform.

mod actions;
mod events;
mod page;
mod view;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use sample_messaging_service::web::files;
use sample_messaging_service::web::guard::{self, Policy};
use serde::Serialize;
use std::error::Error;
use std::sync::Arc;
use tests::harness::server::Server;
use tests::simulators::genesys_cloud::api::{Conversation, GenesysCloud};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

const LARGEST_BODY: usize = 64 * 1024;

/// The running desk. It ends when this is dropped.
pub struct Desk {
    pub url: String,
    /// Streams of events end with it.
    _running: watch::Sender<()>,
    _server: Server,
}

/// A page that shows the conversations of an integration as its customers see them. It gets the customer in the query, and
/// lets the desk frame it.
#[derive(Debug, Clone, Serialize)]
pub struct CustomersSide {
    /// Where the customers are.
    pub title: String,
    /// What the page belongs to.
    pub of: String,
    pub url: Url,
    pub integration_id: String,
    /// Whom it shows beside a conversation of another integration, if not the same customer.
    pub customer: Option<String>,
}

struct State {
    platform: Arc<GenesysCloud>,
    sides: Vec<CustomersSide>,
    running: watch::Receiver<()>,
}

impl Desk {
    /// Serves the desk of this platform, with the customer's sides beside it.
    ///
    /// # Errors
    /// The address of a side is not one that a page may frame.
    pub fn on(
        listener: TcpListener,
        platform: Arc<GenesysCloud>,
        sides: Vec<CustomersSide>,
    ) -> Result<Self, Box<dyn Error>> {
        let policy = Policy::new(None, sides.iter().map(|side| &side.url))?;
        let (_running, running) = watch::channel(());
        let server = Server::on(listener, router(State { platform, sides, running }, policy));
        Ok(Self { url: server.origin.clone(), _running, _server: server })
    }
}

impl State {
    fn conversation(&self, Path(customer): &Path<String>) -> Result<Conversation, (StatusCode, &'static str)> {
        let found = self.platform.conversation(customer);
        found.ok_or((StatusCode::NOT_FOUND, "This customer has no conversation."))
    }
}

fn router(state: State, policy: Policy) -> Router {
    let conversations = Router::new()
        .route("/sides", get(events::sides))
        .route("/conversations", get(events::conversations))
        .route("/conversations/{customer}/events", get(events::events))
        .route("/conversations/{customer}/messages", post(actions::write))
        .route("/conversations/{customer}/typing", post(actions::typing))
        .route("/conversations/{customer}/end", post(actions::end))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard::own_page_only));
    let this_machine_only = from_fn_with_state(policy, guard::this_machine_only);
    conversations.merge(files::routes(&page::FILES)).layer(this_machine_only).with_state(Arc::new(state))
}
