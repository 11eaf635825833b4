//! The configuration of Genesys Cloud integrations.

use super::region::Region;
use crate::json::fields::{Fields, list, parse_with, secret, shared_secret, text};
use crate::platform::config_fields::header_text;
use http::HeaderName;
use secrecy::SecretString;
use serde_json::Value;

/// The vendor requires more than fifteen characters.
const MIN_WEBHOOK_SECRET_CHARACTERS: usize = 16;

/// The connection to one open messaging integration of a Genesys Cloud organization.
#[derive(Debug)]
pub struct Config {
    pub region: Region,
    /// The id of the open messaging integration.
    pub integration_id: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The webhook's secrets, current first; several during a rotation.
    pub webhook_secrets: Vec<SecretString>,
    /// A second check of webhooks, besides the signature.
    pub webhook_header: Option<WebhookHeader>,
}

/// A header of our own that the platform sends with each webhook.
#[derive(Debug)]
pub struct WebhookHeader {
    pub name: HeaderName,
    /// Its values, current first; several during a rotation.
    pub secrets: Vec<SecretString>,
}

impl Config {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let region = fields.required("domain", parse_with("a domain or an AWS region of Genesys Cloud"));
        let integration_id = fields.required("integrationId", text);
        let client_id = fields.required("clientId", text);
        let client_secret = fields.required("clientSecret", secret);
        let webhook_secrets = fields.required("webhookSecrets", list(shared_secret(MIN_WEBHOOK_SECRET_CHARACTERS)));
        let webhook_header = fields.optional_object("webhookHeader", WebhookHeader::read);
        Some(Self {
            region: region?,
            integration_id: integration_id?,
            client_id: client_id?,
            client_secret: client_secret?,
            webhook_secrets: webhook_secrets?,
            webhook_header,
        })
    }
}

/// Prefixes of names that the platform, API Gateway or a proxy sets.
const RESERVED_PREFIXES: [&str; 4] = ["x-hub-", "x-amz", "x-forwarded-", "x-request-"];

impl WebhookHeader {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", header_name);
        let secrets = fields.required("secrets", list(header_secret));
        Some(Self { name: name?, secrets: secrets? })
    }
}

fn header_name(value: Value) -> Result<HeaderName, String> {
    let name: Option<HeaderName> = text(value)?.parse().ok();
    let is_allowed = |name: &HeaderName| {
        name.as_str().starts_with("x-") && !RESERVED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    let why =
        "must be the name of a header that begins with X-, and not with X-Hub-, X-Amz, X-Forwarded- or X-Request-";
    name.filter(is_allowed).ok_or_else(|| why.to_owned())
}

fn header_secret(value: Value) -> Result<SecretString, String> {
    shared_secret(MIN_WEBHOOK_SECRET_CHARACTERS)(header_text(value)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_webhook_header_is_a_header_of_our_own() {
        for right in ["X-Patchbay-Key", "x-barrier"] {
            assert!(header_name(json!(right)).is_ok(), "{right}");
        }
        for wrong in ["", "Authorization", "X-Hub-Signature-256", "x-amzn-trace-id", "X-Forwarded-For", "X-A B", "X-Ä"]
        {
            assert!(header_name(json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_value_of_a_webhook_header_is_visible_and_long_enough() {
        assert!(header_secret(json!("0123456789abcdef")).is_ok());
        for wrong in ["0123456789abcde", "0123456789 abcdef", "0123456789abcdeé", "0123456789abcdef\n"] {
            assert!(header_secret(json!(wrong)).is_err(), "{wrong:?}");
        }
    }
}
