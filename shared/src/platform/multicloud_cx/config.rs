//! What an integration's configuration says of Genesys Multicloud CX.

use crate::fields::{Fields, list, text};
use crate::integration::{Secret, secret};
use crate::outbound::OutboundUrl;
use crate::platform::setting::{base_url, header_text};
use serde_json::Value;

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
    pub app_secrets: Vec<Secret>,
    /// What the API gateway asks for, where it does.
    pub api_key: Option<Secret>,
}

impl Config {
    /// Reads the fields of an integration's configuration that are Multicloud CX's own.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api_base_url = fields.required("apiBaseUrl", base_url);
        let contact_center_id = fields.required("contactCenterId", header_text);
        let channel_id = fields.required("channelId", channel_id);
        let app_secrets = fields.required("appSecrets", list(secret));
        let api_key = fields.optional("apiKey", |value| header_text(value).map(Secret::from));
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
