//! What an integration's configuration says of Genesys Cloud.

use super::region::Region;
use crate::json::fields::{Fields, list, parse_with, secret, shared_secret, text};
use secrecy::SecretString;

/// The vendor asks for a webhook secret of more than fifteen characters.
const MINIMUM_WEBHOOK_SECRET_CHARACTERS: usize = 16;

/// The connection to one open-messaging integration of a Genesys Cloud organisation.
#[derive(Debug)]
pub struct Config {
    /// Where the organisation lives.
    pub region: Region,
    /// The id of the open-messaging integration.
    pub integration_id: String,
    /// The OAuth client's id.
    pub client_id: String,
    /// The OAuth client's secret.
    pub client_secret: SecretString,
    /// The webhook's secrets, current first: several while one is being rotated.
    pub webhook_secrets: Vec<SecretString>,
}

impl Config {
    /// Reads the fields of an integration's configuration that are Genesys Cloud's own.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let region = fields.required("domain", parse_with("a domain or an AWS region of Genesys Cloud"));
        let integration_id = fields.required("integrationId", text);
        let client_id = fields.required("clientId", text);
        let client_secret = fields.required("clientSecret", secret);
        let webhook_secrets = fields.required("webhookSecrets", list(shared_secret(MINIMUM_WEBHOOK_SECRET_CHARACTERS)));
        Some(Self {
            region: region?,
            integration_id: integration_id?,
            client_id: client_id?,
            client_secret: client_secret?,
            webhook_secrets: webhook_secrets?,
        })
    }
}
