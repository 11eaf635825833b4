//! What an integration's configuration says of Genesys Multicloud CX.

use crate::http_client::OutboundUrl;
use crate::json::fields::{Fields, list, shared_secret, text};
use crate::platform::config_fields::{base_url, header_text};
use secrecy::SecretString;
use serde_json::Value;

/// The shortest app secret. The vendor publishes no form of them; the one of its examples has 15 characters.
const MINIMUM_APP_SECRET_CHARACTERS: usize = 12;

/// The connection to one channel of a contact centre.
#[derive(Debug)]
pub struct Config {
    /// Where the API is, without `/nexus/v3`.
    pub api_base_url: OutboundUrl,
    /// The contact centre's id, which goes with every call.
    pub contact_center_id: String,
    /// The channel's id: a telephone number, a domain.
    pub channel_id: String,
    /// The channel's app secrets, current first: several while one is being rotated. Calls are signed with the first.
    pub app_secrets: Vec<SecretString>,
    /// What the API gateway asks for, where it does.
    pub api_key: Option<SecretString>,
}

impl Config {
    /// Reads the fields of an integration's configuration that are Multicloud CX's own.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api_base_url = fields.required("apiBaseUrl", base_url);
        let contact_center_id = fields.required("contactCenterId", header_text);
        let channel_id = fields.required("channelId", channel_id);
        let app_secrets = fields.required("appSecrets", list(shared_secret(MINIMUM_APP_SECRET_CHARACTERS)));
        let api_key = fields.optional("apiKey", |value| header_text(value).map(SecretString::from));
        Some(Self {
            api_base_url: api_base_url?,
            contact_center_id: contact_center_id?,
            channel_id: channel_id?,
            app_secrets: app_secrets?,
            api_key,
        })
    }
}

/// A text that can stand in a path.
fn channel_id(value: Value) -> Result<String, String> {
    match text(value)?.as_str() {
        "." | ".." => Err("must not be a dot or two".to_owned()),
        id => Ok(id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use serde_json::json;

    #[test]
    fn an_app_secret_that_can_be_guessed_is_a_fault_and_the_vendors_own_example_is_none() {
        let faults = |secret: &str| {
            let document = json!({
                "apiBaseUrl": "https://api.example.com", "contactCenterId": "c", "channelId": "1",
                "appSecrets": ["test-app-secret", secret],
            });
            let read = fields::read_configuration(document, Config::read);
            read.map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
        };
        assert!(faults("hidden-12345").is_empty());
        let fault = "/appSecrets element 1 must have at least 12 characters";
        for short in ["h", "hidden-1234"] {
            assert_eq!(vec![fault], faults(short));
        }
    }
}
