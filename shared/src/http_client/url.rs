//! URLs that may be called.

use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// A URL that may be called: `https`, or plain `http` to a loopback address (for local development).
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundUrl(Url);

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
    /// The base of an API: it has no query either.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn base(text: &str) -> Result<Self, String> {
        let url: Self = text.parse().map_err(|error: InvalidOutboundUrl| error.to_string())?;
        if url.0.query().is_some() { Err("must have no query".to_owned()) } else { Ok(url) }
    }

    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// Shows only the origin, because paths and queries may contain keys.
impl fmt::Debug for OutboundUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.origin().ascii_serialization())
    }
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
    fn other_urls_are_rejected() {
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
