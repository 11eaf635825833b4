//! An integration whose app a location has authorized: its tokens are in a secret of their own.

use super::api::HighLevel;
use super::api::oauth::{CLIENT_ID, CLIENT_SECRET};
use super::{Keys, integration};
use crate::harness::stack::{Stack, TestIntegration};
use serde_json::Value;

/// Puts the app's client in place of the token.
pub fn use_app(configuration: &mut Value, platform: &HighLevel) {
    let fields = configuration.as_object_mut().expect("an object");
    for name in ["token", "appId"] {
        fields.remove(name);
    }
    for (name, value) in [("clientId", CLIENT_ID), ("clientSecret", CLIENT_SECRET), ("apiBaseUrl", &platform.url)] {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Creates an integration with tokens of the platform. `change` may alter them before they are written.
pub async fn installed(
    stack: &Stack,
    keys: &Keys,
    platform: &HighLevel,
    delivery_url: &str,
    change: impl FnOnce(&mut Value),
) -> TestIntegration {
    let integration = integration(stack, keys, delivery_url, |configuration| use_app(configuration, platform)).await;
    let mut tokens = platform.oauth().tokens(&integration.integration_id);
    change(&mut tokens);
    integration.create_tokens(&tokens).await;
    integration
}
