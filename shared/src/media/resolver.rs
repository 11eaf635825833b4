//! Name resolution that only ever answers with addresses which may be connected to.
//!
//! The check is inside of the look-up that the connection is made with. A name whose addresses change between two
//! look-ups gains nothing by it, as there is no earlier look-up that anybody relied on.

use super::address::is_public;
use super::error::MediaError;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// The name resolution of the operating system.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemDns;

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client puts the URL's port in the place of port 0.
            let addresses: Vec<_> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| MediaError::Unresolvable)?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// What another resolver finds, if all of it is public. One address that is not spoils the answer: whoever mixes them
/// means to have the other one tried as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly<R>(pub(super) R);

impl<R: Resolve> Resolve for PublicOnly<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let answer = self.0.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = answer.await?.collect();
            if addresses.is_empty() {
                return Err(MediaError::Unresolvable.into());
            }
            if !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(MediaError::NotAllowed.into());
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

    /// Answers each look-up with the next list of addresses, and those after the last with none.
    #[derive(Debug, Clone)]
    pub(in crate::media) struct ScriptedDns(Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

    impl ScriptedDns {
        pub(in crate::media) fn new<const N: usize>(answers: [&[&str]; N]) -> Self {
            let answers = answers.map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect());
            Self(Arc::new(Mutex::new(VecDeque::from(answers))))
        }

        /// How many answers were not asked for.
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

    /// The addresses that `resolver` finds for `name`.
    pub(in crate::media) async fn look_up(resolver: &impl Resolve, name: &str) -> Result<Vec<String>, MediaError> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
            Err(error) => Err(*error.downcast().unwrap()),
        }
    }

    #[tokio::test]
    async fn public_addresses_are_passed_on_as_they_are() {
        let answer = ["93.184.215.14", "2606:4700::1111"];
        let found = look_up(&PublicOnly(ScriptedDns::new([&answer])), "cdn.example").await.unwrap();
        assert_eq!(answer.as_slice(), found);
    }

    #[tokio::test]
    async fn one_address_that_is_not_public_spoils_the_answer() {
        for answer in [
            ["127.0.0.1"].as_slice(),
            &["169.254.169.254"],
            &["::ffff:93.184.215.14"],
            &["93.184.215.14", "10.0.0.1"],
            &["10.0.0.1", "93.184.215.14"],
            &["93.184.215.14", "2606:4700::1111", "fd00:ec2::254"],
        ] {
            let found = look_up(&PublicOnly(ScriptedDns::new([answer])), "metadata.google.internal").await;
            assert_eq!(Err(MediaError::NotAllowed), found, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_name_without_addresses_cannot_be_resolved() {
        assert_eq!(Err(MediaError::Unresolvable), look_up(&PublicOnly(ScriptedDns::new([&[]])), "cdn.example").await);
    }

    #[tokio::test]
    async fn every_answer_is_checked_anew() {
        let resolver = PublicOnly(ScriptedDns::new([&["93.184.215.14"], &["127.0.0.1"], &["93.184.215.14"]]));
        assert!(look_up(&resolver, "cdn.example").await.is_ok());
        assert_eq!(Err(MediaError::NotAllowed), look_up(&resolver, "cdn.example").await);
        assert!(look_up(&resolver, "cdn.example").await.is_ok());
    }

    #[tokio::test]
    async fn the_operating_systems_localhost_is_found_and_refused() {
        assert!(!look_up(&SystemDns, "localhost").await.unwrap().is_empty());
        assert_eq!(Err(MediaError::NotAllowed), look_up(&PublicOnly(SystemDns), "localhost").await);
    }
}
