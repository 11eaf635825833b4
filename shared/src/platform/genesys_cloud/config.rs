//! The configuration of Genesys Cloud integrations.

use super::region::Region;
use crate::json::fields::{Fields, list, parse_with, secret, shared_secret, text};
use secrecy::SecretString;

/// The vendor requires more than fifteen characters.
const MINIMUM_WEBHOOK_SECRET_CHARACTERS: usize = 16;

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
}

impl Config {
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
