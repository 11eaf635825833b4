//! HTTP servers of the tests.

use crate::harness::listener::listen;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running server. It ends when this is dropped.
pub struct Server {
    pub origin: String,
    running: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Server {
    /// Starts a server at a new address.
    #[must_use]
    pub fn start(router: Router) -> Self {
        Self::on(listen(), router)
    }

    #[must_use]
    pub fn on(listener: TcpListener, router: Router) -> Self {
        let origin = origin(&listener);
        let running = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { origin, running }
    }
}

/// The origin of this listener.
#[must_use]
pub fn origin(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("an address"))
}
