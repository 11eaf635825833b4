//! The URLs from which files may be fetched.

use super::address::is_public;
use crate::http_client::OutboundUrl;
use http::Uri;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Origin, Url};

/// The URL of a file from a caller: `https` with a host name or a public address, or on a trusted origin. The addresses of
/// a host name are checked when the file is fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaUrl {
    url: Url,
    policy: AddressPolicy,
}

/// The addresses to which the host of a URL may resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressPolicy {
    PublicOnly,
    /// Any address, because the operator trusts the origin.
    TrustedOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMediaUrl {
    #[error("must be an https URL without a user name or a password")]
    Form,
    #[error("must not contain a private IP address")]
    PrivateAddress,
}

impl MediaUrl {
    /// Parses a URL and removes its fragment.
    ///
    /// # Errors
    /// It is not absolute or not `https`, has a user name or a password, or contains a private IP address in any notation.
    /// On a trusted origin, only a user name or a password is an error.
    pub fn parse(text: &str, trusted: &TrustedOrigins) -> Result<Self, InvalidMediaUrl> {
        let mut url = Url::parse(text).map_err(|_| InvalidMediaUrl::Form)?;
        url.set_fragment(None);
        let bare = url.username().is_empty() && url.password().is_none();
        // URLs in HTTP requests are more restricted, for instance in length.
        if !bare || Uri::from_str(url.as_str()).is_err() {
            return Err(InvalidMediaUrl::Form);
        }
        if trusted.contains(&url) {
            return Ok(Self { url, policy: AddressPolicy::TrustedOrigin });
        }
        if url.scheme() != "https" {
            return Err(InvalidMediaUrl::Form);
        }
        let is_public = match url.host().ok_or(InvalidMediaUrl::Form)? {
            Host::Domain(_) => true,
            Host::Ipv4(address) => is_public(IpAddr::V4(address)),
            Host::Ipv6(address) => is_public(IpAddr::V6(address)),
        };
        if is_public {
            Ok(Self { url, policy: AddressPolicy::PublicOnly })
        } else {
            Err(InvalidMediaUrl::PrivateAddress)
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn policy(&self) -> AddressPolicy {
        self.policy
    }
}

/// Shows only the origin, because paths and queries may contain keys.
impl fmt::Debug for MediaUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url.origin().ascii_serialization())
    }
}

/// An origin from which files may be fetched even from private addresses, such as a server in the company's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedOrigin(Origin);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the origin of an https URL, such as https://assets.example.com (plain http is for loopback only)")]
pub struct InvalidTrustedOrigin;

impl FromStr for TrustedOrigin {
    type Err = InvalidTrustedOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let outbound: OutboundUrl = text.parse().map_err(|_| InvalidTrustedOrigin)?;
        let url = outbound.url();
        if url.path() == "/" && url.query().is_none() { Ok(Self(url.origin())) } else { Err(InvalidTrustedOrigin) }
    }
}

/// The origins that the operator trusts; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedOrigins(Vec<TrustedOrigin>);

impl From<Vec<TrustedOrigin>> for TrustedOrigins {
    fn from(origins: Vec<TrustedOrigin>) -> Self {
        Self(origins)
    }
}

impl TrustedOrigins {
    fn contains(&self, url: &Url) -> bool {
        let origin = url.origin();
        self.0.iter().any(|trusted| trusted.0 == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusting(origins: &[&str]) -> TrustedOrigins {
        TrustedOrigins::from(origins.iter().map(|origin| origin.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn https_with_a_host_name_or_a_public_address_is_accepted() {
        for (text, url) in [
            ("https://cdn.example/cat.png?size=2", "https://cdn.example/cat.png?size=2"),
            ("HTTPS://CDN.example:8443/a", "https://cdn.example:8443/a"),
            ("https://cdn.example/a#part", "https://cdn.example/a"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://8.8.8.8/a", "https://8.8.8.8/a"),
            ("https://134744072/a", "https://8.8.8.8/a"),
            ("https://[2606:4700:4700::1111]/a", "https://[2606:4700:4700::1111]/a"),
        ] {
            let parsed = MediaUrl::parse(text, &TrustedOrigins::default()).unwrap();
            assert_eq!((url, AddressPolicy::PublicOnly), (parsed.url().as_str(), parsed.policy()), "{text}");
        }
    }

    #[test]
    fn anything_but_a_plain_https_url_is_rejected() {
        let endless = format!("https://cdn.example/{}", "a".repeat(70_000));
        for text in [
            "",
            "cdn.example/cat.png",
            "//cdn.example/cat.png",
            "/cat.png",
            "https://",
            "https:///",
            "https://cdn.example:99999/",
            "https://user@cdn.example/",
            "https://user:password@cdn.example/",
            "https://:password@cdn.example/",
            "http://cdn.example/cat.png",
            "http://127.0.0.1/",
            "http://localhost/",
            "file:///etc/passwd",
            "gopher://cdn.example/1",
            "ftp://cdn.example/cat.png",
            "data:image/png;base64,AAAA",
            "javascript:alert(1)",
            "blob:https://cdn.example/1",
            "https://127.0.0.1.5/",
            "https://[fe80::1%25eth0]/",
            &endless,
        ] {
            assert_eq!(Err(InvalidMediaUrl::Form), MediaUrl::parse(text, &TrustedOrigins::default()), "{text}");
        }
    }

    #[test]
    fn a_private_address_is_rejected_in_every_notation() {
        for text in [
            "https://127.0.0.1/",
            "https://127.0.0.1./",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://017700000001/",
            "https://0177.0.0.1/",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://127。0。0。1/",
            "https://0/",
            "https://10.0.0.1:8443/",
            "https://192.168.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https:\\\\169.254.169.254\\latest",
            "https://0xa9fea9fe/",
            "https://[::]/",
            "https://[::1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::127.0.0.1]/",
            "https://[64:ff9b:1::a9fe:a9fe]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:7f00:1::1]/",
            "https://[fc00::1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
        ] {
            let parsed = MediaUrl::parse(text, &TrustedOrigins::default());
            assert_eq!(Err(InvalidMediaUrl::PrivateAddress), parsed, "{text}");
        }
    }

    #[test]
    fn a_trusted_origin_may_have_any_address() {
        let trusted = trusting(&["https://10.0.0.5:8443", "https://assets.corp.example/", "http://127.0.0.1:8080"]);
        for text in [
            "https://10.0.0.5:8443/cat.png",
            "https://assets.corp.example/cat.png?key=1#part",
            "https://ASSETS.corp.example:443/",
            "http://127.0.0.1:8080/cat.png",
            "http://2130706433:8080/cat.png",
        ] {
            assert_eq!(AddressPolicy::TrustedOrigin, MediaUrl::parse(text, &trusted).unwrap().policy(), "{text}");
        }
    }

    #[test]
    fn trust_ends_with_the_origin() {
        let trusted = trusting(&["https://10.0.0.5:8443", "https://assets.corp.example/", "http://127.0.0.1:8080"]);
        for (text, outcome) in [
            ("https://10.0.0.5/cat.png", Err(InvalidMediaUrl::PrivateAddress)),
            ("https://10.0.0.6:8443/cat.png", Err(InvalidMediaUrl::PrivateAddress)),
            ("https://127.0.0.1:8080/", Err(InvalidMediaUrl::PrivateAddress)),
            ("http://127.0.0.1:8081/", Err(InvalidMediaUrl::Form)),
            ("http://10.0.0.5:8443/", Err(InvalidMediaUrl::Form)),
            ("http://assets.corp.example/", Err(InvalidMediaUrl::Form)),
            ("https://user@assets.corp.example/", Err(InvalidMediaUrl::Form)),
            ("https://assets.corp.example:8443/", Ok(AddressPolicy::PublicOnly)),
            ("https://assets.corp.example.evil.example/", Ok(AddressPolicy::PublicOnly)),
            ("https://www.assets.corp.example/", Ok(AddressPolicy::PublicOnly)),
        ] {
            assert_eq!(outcome, MediaUrl::parse(text, &trusted).map(|url| url.policy()), "{text}");
        }
    }

    #[test]
    fn only_an_origin_can_be_trusted_and_no_other_url() {
        for text in [
            "",
            "*",
            "assets.corp.example",
            "http://assets.corp.example",
            "https://assets.corp.example/files",
            "https://assets.corp.example/?",
            "https://assets.corp.example/?a=b",
            "https://assets.corp.example/#a",
            "https://user@assets.corp.example/",
            "file:///",
        ] {
            assert_eq!(Err(InvalidTrustedOrigin), text.parse::<TrustedOrigin>(), "{text}");
        }
    }

    #[test]
    fn debug_output_shows_the_origin_only() {
        let url = MediaUrl::parse("https://cdn.example/cat.png?key=secret", &TrustedOrigins::default()).unwrap();
        assert_eq!("https://cdn.example", format!("{url:?}"));
    }
}
