//! Name resolution that only returns addresses to which a connection is allowed.
//!
//! The check is part of the lookup that the connection uses. DNS rebinding has no effect, because no decision is based on
//! an earlier lookup.

use super::address::is_public;
use super::error::MediaError;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemDns;

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client replaces port 0 with that of the URL.
            let addresses: Vec<_> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| MediaError::Unresolvable)?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The addresses that another resolver finds, if all of them are public. A single private one fails the lookup, because
/// otherwise the client might try that one as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly<R>(pub(super) R);

impl<R: Resolve> Resolve for PublicOnly<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.0.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = lookup.await?.collect();
            if addresses.is_empty() {
                return Err(MediaError::Unresolvable.into());
            }
            if !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(MediaError::PrivateAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::net::IpAddr;
    use std::sync::{Arc, Mutex};

    /// Answers each lookup with the next list of addresses, and with none after the last.
    #[derive(Debug, Clone)]
    pub(in crate::media) struct ScriptedDns(Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

    impl ScriptedDns {
        pub(in crate::media) fn new<const N: usize>(answers: [&[&str]; N]) -> Self {
            let answers = answers.map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect());
            Self(Arc::new(Mutex::new(VecDeque::from(answers))))
        }

        /// Number of answers that have not been used.
        pub(in crate::media) fn left(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    impl Resolve for ScriptedDns {
        fn resolve(&self, _: Name) -> Resolving {
            let answer = self.0.lock().unwrap().pop_front().unwrap_or_default();
            let addresses = answer.into_iter().map(|address| SocketAddr::new(address, 0));
            Box::pin(async move { Ok(Box::new(addresses) as Addrs) })
        }
    }

    pub(in crate::media) async fn look_up(resolver: &impl Resolve, name: &str) -> Result<Vec<String>, MediaError> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
            Err(error) => Err(*error.downcast().unwrap()),
        }
    }

    #[tokio::test]
    async fn public_addresses_are_returned_unchanged() {
        let answer = ["93.184.215.14", "2606:4700::1111"];
        let found = look_up(&PublicOnly(ScriptedDns::new([&answer])), "cdn.example").await.unwrap();
        assert_eq!(answer.as_slice(), found);
    }

    #[tokio::test]
    async fn a_single_private_address_fails_the_lookup() {
        for answer in [
            ["127.0.0.1"].as_slice(),
            &["169.254.169.254"],
            &["::ffff:93.184.215.14"],
            &["93.184.215.14", "10.0.0.1"],
            &["10.0.0.1", "93.184.215.14"],
            &["93.184.215.14", "2606:4700::1111", "fd00:ec2::254"],
        ] {
            let found = look_up(&PublicOnly(ScriptedDns::new([answer])), "metadata.google.internal").await;
            assert_eq!(Err(MediaError::PrivateAddress), found, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_name_without_addresses_cannot_be_resolved() {
        assert_eq!(Err(MediaError::Unresolvable), look_up(&PublicOnly(ScriptedDns::new([&[]])), "cdn.example").await);
    }

    #[tokio::test]
    async fn every_lookup_is_checked() {
        let resolver = PublicOnly(ScriptedDns::new([&["93.184.215.14"], &["127.0.0.1"], &["93.184.215.14"]]));
        assert!(look_up(&resolver, "cdn.example").await.is_ok());
        assert_eq!(Err(MediaError::PrivateAddress), look_up(&resolver, "cdn.example").await);
        assert!(look_up(&resolver, "cdn.example").await.is_ok());
    }

    #[tokio::test]
    async fn localhost_is_resolved_and_rejected() {
        assert!(!look_up(&SystemDns, "localhost").await.unwrap().is_empty());
        assert_eq!(Err(MediaError::PrivateAddress), look_up(&PublicOnly(SystemDns), "localhost").await);
    }
}
