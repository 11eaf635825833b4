//! The number of connections to a host.
//!
//! A batch calls the same host for many customers at once. A new connection takes a TLS handshake, which at a small share of
//! a CPU takes longer than the requests before it, so requests wait for an open connection. A slow host holds nothing
//! up: a request waits only briefly, then opens a connection, which those after it can use too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use url::Url;

/// The number of connections to a host that are opened without waiting.
const CONNECTIONS: usize = 2;

/// The longest time that a request waits for a connection.
const MAX_WAIT: Duration = Duration::from_millis(25);

/// The requests to each host.
#[derive(Debug)]
pub(super) struct Hosts {
    /// How long a connection stays open without a request.
    idle_timeout: Duration,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Debug)]
struct Host {
    /// One permit for each connection that may be used without waiting.
    connections: Arc<Semaphore>,
    used_at: Instant,
}

/// The use of a connection by a request. It ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    _use: Arc<ConnectionUse>,
}

#[derive(Debug)]
enum ConnectionUse {
    Counted {
        _permit: OwnedSemaphorePermit,
    },
    /// It opened one more connection.
    Additional(Arc<Semaphore>),
}

impl Drop for ConnectionUse {
    fn drop(&mut self) {
        if let Self::Additional(connections) = self {
            connections.add_permits(1);
        }
    }
}

impl Hosts {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self { idle_timeout, hosts: Mutex::default() }
    }

    /// Waits for a connection to the URL's host, for at most [`MAX_WAIT`].
    pub(super) async fn acquire(&self, url: &Url) -> Permit {
        let connections = self.connections(url);
        let connection = match timeout(MAX_WAIT, Arc::clone(&connections).acquire_owned()).await {
            Ok(Ok(permit)) => ConnectionUse::Counted { _permit: permit },
            Ok(Err(_)) | Err(_) => ConnectionUse::Additional(connections),
        };
        Permit { _use: Arc::new(connection) }
    }

    /// Hosts whose connections are closed are forgotten.
    fn connections(&self, url: &Url) -> Arc<Semaphore> {
        let now = Instant::now();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, host| now - host.used_at < self.idle_timeout || Arc::strong_count(&host.connections) > 1);
        let new = || Host { connections: Arc::new(Semaphore::new(CONNECTIONS)), used_at: now };
        let host = hosts.entry(url.authority().to_owned()).or_insert_with(new);
        host.used_at = now;
        Arc::clone(&host.connections)
    }
}

#[cfg(test)]
impl Hosts {
    /// The number of requests to the URL's host that need not wait.
    pub(super) fn available(&self, url: &Url) -> usize {
        self.connections(url).available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(20);

    fn url(host: &str) -> Url {
        format!("https://{host}/path").parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_third_request_waits_until_one_of_two_ends() {
        let hosts = Hosts::new(IDLE);
        let (start, first) = (Instant::now(), hosts.acquire(&url("a")).await);
        let _second = hosts.acquire(&url("a")).await;
        let ends = async {
            tokio::time::sleep(MAX_WAIT / 5).await;
            drop(first);
        };
        let url = url("a");
        tokio::join!(hosts.acquire(&url), ends);
        assert_eq!(MAX_WAIT / 5, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_a_slow_host_wait_only_briefly_and_at_the_same_time() {
        let hosts = Hosts::new(IDLE);
        let (start, url) = (Instant::now(), url("a"));
        let _permits = futures::future::join_all((0..10).map(|_| hosts.acquire(&url))).await;
        assert_eq!(MAX_WAIT, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn other_hosts_are_not_waited_for() {
        let (hosts, start) = (Hosts::new(IDLE), Instant::now());
        let mut permits = Vec::new();
        for host in ["a", "a", "b", "b", "a:8443"] {
            permits.push(hosts.acquire(&url(host)).await);
        }
        assert_eq!(Duration::ZERO, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_a_slow_host_needed_is_used_without_waiting() {
        let (hosts, url) = (Hosts::new(IDLE), url("a"));
        drop(futures::future::join_all((0..10).map(|_| hosts.acquire(&url))).await);
        let start = Instant::now();
        let _permits = futures::future::join_all((0..10).map(|_| hosts.acquire(&url))).await;
        assert_eq!(Duration::ZERO, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_are_forgotten_when_their_connections_are_closed() {
        let hosts = Hosts::new(IDLE);
        let idle = url("idle");
        drop(futures::future::join_all((0..10).map(|_| hosts.acquire(&idle))).await);
        let _used = hosts.acquire(&url("used")).await;
        tokio::time::sleep(IDLE).await;
        drop(hosts.acquire(&url("other")).await);
        let mut known: Vec<_> = hosts.hosts.lock().unwrap().keys().cloned().collect();
        known.sort_unstable();
        assert_eq!(vec!["other", "used"], known);
    }
}
