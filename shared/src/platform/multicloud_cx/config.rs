//! The configuration of Genesys Multicloud CX integrations.

use crate::http_client::OutboundUrl;
use crate::json::fields::{Fields, boolean, list, shared_secret, text};
use crate::platform::config_fields::{base_url, header_text};
use secrecy::SecretString;
use serde_json::Value;

/// The vendor does not specify a length; the secret in its examples has 15 characters.
const MIN_APP_SECRET_CHARACTERS: usize = 12;

/// The connection to one channel of a contact centre.
#[derive(Debug)]
pub struct Config {
    /// Without `/nexus/v3`.
    pub api_base_url: OutboundUrl,
    /// Sent with every call.
    pub contact_center_id: String,
    /// A phone number or a domain.
    pub channel_id: String,
    /// The channel's app secrets, current first; several during a rotation. Calls are signed with the first.
    pub app_secrets: Vec<SecretString>,
    /// For the API gateway, if it requires one.
    pub api_key: Option<SecretString>,
    /// Whether customers' files are uploaded to the platform, or only their URLs passed on.
    pub upload_files: bool,
}

impl Config {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api_base_url = fields.required("apiBaseUrl", base_url);
        let contact_center_id = fields.required("contactCenterId", header_text);
        let channel_id = fields.required("channelId", channel_id);
        let app_secrets = fields.required("appSecrets", list(shared_secret(MIN_APP_SECRET_CHARACTERS)));
        let api_key = fields.optional("apiKey", |value| header_text(value).map(SecretString::from));
        let upload_files = fields.optional("uploadFiles", boolean);
        Some(Self {
            api_base_url: api_base_url?,
            contact_center_id: contact_center_id?,
            channel_id: channel_id?,
            app_secrets: app_secrets?,
            api_key,
            upload_files: upload_files.unwrap_or(true),
        })
    }
}

/// An id that is safe as a segment of a URL's path.
fn channel_id(value: Value) -> Result<String, String> {
    match text(value)?.as_str() {
        "." | ".." => Err("must not be `.` or `..`".to_owned()),
        id => Ok(id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use crate::platform::multicloud_cx::tests::{config, configuration, configured};
    use serde_json::json;

    #[test]
    fn a_short_app_secret_is_an_error_and_the_vendors_example_is_not() {
        let errors = |secret: &str| {
            let document = json!({
                "apiBaseUrl": "https://api.example.com", "contactCenterId": "c", "channelId": "1",
                "appSecrets": ["test-app-secret", secret],
            });
            let read = fields::read_configuration(document, Config::read);
            read.map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
        };
        assert!(errors("hidden-12345").is_empty());
        let error = "/appSecrets element 1 must have at least 12 characters";
        for short in ["h", "hidden-1234"] {
            assert_eq!(vec![error], errors(short));
        }
    }

    #[test]
    fn the_configuration_is_read_and_its_debug_output_contains_no_secret() {
        let config = config();
        assert_eq!((2, "0123456789"), (config.app_secrets.len(), config.channel_id.as_str()));
        let shown = format!("{config:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        let mut without_key = configuration();
        without_key.as_object_mut().unwrap().remove("apiKey");
        assert!(configured(without_key).unwrap().api_key.is_none());
    }

    #[test]
    fn files_are_uploaded_unless_that_is_switched_off() {
        let mut off = configuration();
        off["uploadFiles"] = false.into();
        assert_eq!((true, false), (config().upload_files, configured(off).unwrap().upload_files));
    }

    #[test]
    fn a_configuration_is_read_strictly() {
        let wrong = json!({
            "apiBaseUrl": "http://api.example.com", "contactCenterId": "hidden\n", "channelId": "..", "appSecrets": [],
            "apiKey": "hidden key", "uploadFiles": "hidden", "colour": "hidden",
        });
        let errors = configured(wrong).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
        assert_eq!(
            vec!["/apiBaseUrl", "/contactCenterId", "/channelId", "/appSecrets", "/apiKey", "/uploadFiles", "/colour"],
            pointers
        );
        assert!(!errors.concat().contains("hidden"), "{errors:?}");
        let missing = configured(json!({})).unwrap_err();
        assert_eq!(4, missing.iter().filter(|error| error.ends_with(" is required")).count(), "{missing:?}");
        for (url, good) in
            [("http://127.0.0.1:1", true), ("https://a.example/b/", true), ("https://a.example/?key=hidden", false)]
        {
            let mut changed = configuration();
            changed["apiBaseUrl"] = url.into();
            assert_eq!(good, configured(changed).is_ok(), "{url}");
        }
    }
}
