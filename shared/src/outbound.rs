//! HTTP calls that leave the function: to which addresses, and with what bounds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use url::{Host, Url};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An address that we may call: `https`, or plain `http` on this machine itself (for trying things out).
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundUrl(Url);

/// The text is no address that we may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an https URL without a user name, a password or a fragment (plain http is for loopback addresses only)"
)]
pub struct InvalidOutboundUrl;

impl FromStr for OutboundUrl {
    type Err = InvalidOutboundUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidOutboundUrl)?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(InvalidOutboundUrl),
        };
        let scheme_allowed = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if scheme_allowed && bare { Ok(Self(url)) } else { Err(InvalidOutboundUrl) }
    }
}

impl OutboundUrl {
    /// The address for an HTTP client.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// Paths and queries may hold keys, so only the origin is shown.
impl fmt::Debug for OutboundUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.origin().ascii_serialization())
    }
}

/// The one HTTP client of a process. It follows no redirects: a redirect would carry a signed body to an address that
/// nobody configured. Proxies of the environment are not used.
///
/// # Errors
/// The TLS stack or the certificate store could not be set up.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("Patchbay/", env!("CARGO_PKG_VERSION")))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_plain_http_on_loopback_are_allowed() {
        for url in
            ["https://example.com/hook?x=1", "http://127.0.0.1:8080/", "http://localhost:1", "http://[::1]:8080/a"]
        {
            assert!(url.parse::<OutboundUrl>().is_ok(), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "",
            "example.com",
            "/relative",
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://169.254.169.254/latest/meta-data",
            "http://0.0.0.0/",
            "https://user:password@example.com/",
            "https://user@example.com/",
            "https://example.com/#fragment",
            "file:///etc/passwd",
            "data:text/plain,x",
        ] {
            assert_eq!(Err(InvalidOutboundUrl), url.parse::<OutboundUrl>(), "{url}");
        }
    }

    #[test]
    fn debug_output_shows_the_origin_only() {
        let url: OutboundUrl = "https://example.com/hook?key=secret".parse().unwrap();
        assert_eq!("https://example.com", format!("{url:?}"));
    }
}
