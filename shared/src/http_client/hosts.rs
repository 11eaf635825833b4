//! The number of connections to a host.
//!
//! A batch calls the same host for many customers at once. A new connection takes a TLS handshake, which at a small share of
//! a CPU takes longer than the requests before it, so requests wait for an open connection. A slow host holds nothing
//! up: a request waits only briefly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use url::Url;

/// The number of requests to a host that are sent without waiting.
const CONNECTIONS: usize = 2;

/// The longest time that a request waits for one of them to end.
const PATIENCE: Duration = Duration::from_millis(25);

/// The number of hosts from which on those without requests are forgotten.
const MANY_HOSTS: usize = 100;

/// The requests to each host.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<String, Arc<Semaphore>>>);

/// A request to a host.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Hosts {
    /// Waits until few enough requests to the URL's host are under way, or for [`PATIENCE`].
    pub(super) async fn acquire(&self, url: &Url) -> Permit {
        let permit = timeout(PATIENCE, self.host(url).acquire_owned()).await;
        Permit { _permit: permit.ok().and_then(Result::ok).map(Arc::new) }
    }

    fn host(&self, url: &Url) -> Arc<Semaphore> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MANY_HOSTS {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        Arc::clone(hosts.entry(url.authority().to_owned()).or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn url(host: &str) -> Url {
        format!("https://{host}/path").parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_third_request_waits_until_one_of_two_ends() {
        let hosts = Hosts::default();
        let (start, first) = (Instant::now(), hosts.acquire(&url("a")).await);
        let _second = hosts.acquire(&url("a")).await;
        let ends = async {
            tokio::time::sleep(PATIENCE / 5).await;
            drop(first);
        };
        let url = url("a");
        tokio::join!(hosts.acquire(&url), ends);
        assert_eq!(PATIENCE / 5, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_a_slow_host_wait_only_briefly_and_at_the_same_time() {
        let hosts = Hosts::default();
        let (start, url) = (Instant::now(), url("a"));
        let _permits = futures::future::join_all((0..10).map(|_| hosts.acquire(&url))).await;
        assert_eq!(PATIENCE, start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn other_hosts_are_not_waited_for() {
        let (hosts, start) = (Hosts::default(), Instant::now());
        let mut permits = Vec::new();
        for host in ["a", "a", "b", "b", "a:8443"] {
            permits.push(hosts.acquire(&url(host)).await);
        }
        assert_eq!(Duration::ZERO, start.elapsed());
    }

    #[tokio::test]
    async fn hosts_without_requests_are_forgotten() {
        let hosts = Hosts::default();
        let _used = hosts.acquire(&url("used")).await;
        for number in 0..2 * MANY_HOSTS {
            drop(hosts.acquire(&url(&format!("host-{number}"))).await);
        }
        let known = hosts.0.lock().unwrap();
        assert!(known.len() <= MANY_HOSTS && known.contains_key("used"), "{known:?}");
    }
}
