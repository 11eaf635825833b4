//! A customer's telephone: what a simulated provider's customers see, and what they do.

mod actions;
mod connect;
mod events;
mod page;
mod provider;

pub use provider::Provider;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use sample_messaging_service::web::files;
use sample_messaging_service::web::guard::{self, Policy};
use std::error::Error;
use std::sync::Arc;
use tests::harness::server::Server;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use url::Url;

/// With a picture in it.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// The running page. It ends when this is dropped.
pub struct Telephone {
    pub url: String,
    pub provider: Arc<Provider>,
    /// Streams of events end with it.
    _running: watch::Sender<()>,
    _server: Server,
    reports: JoinHandle<()>,
}

struct State {
    provider: Arc<Provider>,
    running: watch::Receiver<()>,
    /// Held by what is being posted, to keep the order.
    turn: Arc<Mutex<()>>,
}

impl Telephone {
    /// Serves the telephone of each customer of this provider. The page at `parent` may frame it.
    ///
    /// # Errors
    /// The origin of the parent is not text that a header can have.
    pub fn on(listener: TcpListener, provider: Provider, parent: &Url) -> Result<Self, Box<dyn Error>> {
        let (policy, provider) = (Policy::new(Some(parent), [])?, Arc::new(provider));
        let (_running, running) = watch::channel(());
        let state = State { provider: Arc::clone(&provider), running, turn: Arc::default() };
        let server = Server::on(listener, router(state, policy));
        let reporting = Arc::clone(&provider);
        let reports = tokio::spawn(async move { reporting.report_deliveries().await });
        Ok(Self { url: server.origin.clone(), provider, _running, _server: server, reports })
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        self.reports.abort();
    }
}

fn router(state: State, policy: Policy) -> Router {
    let customers = Router::new()
        .route("/look", get(events::look))
        .route("/customers", get(events::customers))
        .route("/customers/{customer}/events", get(events::events))
        .route("/customers/{customer}/files/{entry}/{number}", get(events::file))
        .route("/customers/{customer}/messages", post(actions::write))
        .route("/customers/{customer}/presses", post(actions::press))
        .route("/customers/{customer}/pictures", post(actions::send_picture))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard::own_page_only));
    let this_machine_only = from_fn_with_state(policy, guard::this_machine_only);
    customers.merge(files::routes(&page::FILES)).layer(this_machine_only).with_state(Arc::new(state))
}
