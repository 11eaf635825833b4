//! URLs: the integration's, which its provider calls, and that of the provider's API.

use crate::http_client::OutboundUrl;
use crate::json::fields::text;
use crate::model::integration_name::IntegrationName;
use serde_json::Value;

/// Reads the base URL of an API from a configuration.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn base_url(value: Value) -> Result<OutboundUrl, String> {
    OutboundUrl::base(&text(value)?)
}

/// `<publicUrl>/integrations/<integration>/channel`, without a slash at the end.
///
/// It is made of the configuration and never of a request's headers: providers sign the URL that they call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelAddress(String);

impl ChannelAddress {
    #[must_use]
    pub fn new(public_url: &OutboundUrl, integration: &IntegrationName) -> Self {
        let base = public_url.url().as_str().trim_end_matches('/');
        Self(format!("{base}/integrations/{integration}/channel"))
    }

    /// The URL of a path below it, such as `/files/…`; the address itself for an empty path.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_port_and_path_of_the_public_url() {
        for (public, expected) in [
            ("https://api.example.com", "https://api.example.com/integrations/acme/channel"),
            ("https://api.example.com:8443/prod/", "https://api.example.com:8443/prod/integrations/acme/channel"),
        ] {
            let address = ChannelAddress::new(&public.parse().unwrap(), &"acme".parse().unwrap());
            assert_eq!((expected, format!("{expected}/status/t")), (address.as_str(), address.join("/status/t")));
        }
    }
}
