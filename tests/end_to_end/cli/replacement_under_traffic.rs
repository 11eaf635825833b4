//! Credentials of the platforms are replaced while requests flow, and no request is refused.

use super::rotation_under_traffic::{receipt_is_posted, rotate, while_flowing};
use serde_json::json;
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::{CLIENT_SECRET, GenesysCloud};
use tests::simulators::highlevel::api::{HighLevel, TOKEN};
use tests::simulators::highlevel::{self, Keys};
use tests::simulators::multicloud_cx;
use tests::simulators::multicloud_cx::api::{API_KEY, MulticloudCx};
use uuid::Uuid;

/// A platform credential is replaced while callers post receipts. The platform accepts both until the command says that
/// the old one may be revoked, then only the new one.
async fn credential_is_replaced(
    stack: &Stack,
    integration: &TestIntegration,
    (secret, variable, new): (&str, &str, &str),
    withdraw_old: impl FnOnce(),
) {
    receipt_is_posted(stack, integration, Request::signed).await;
    let command = rotate(integration, secret).env(variable, new);
    let written = command.clone().with(&["--no-wait"]).run().await.succeeded().json();
    assert!(written["next"].as_str().unwrap().contains("do not revoke it yet"), "{written}");
    let rotating = command.run();
    let rotated = while_flowing(rotating, async || receipt_is_posted(stack, integration, Request::signed).await).await;
    let rotated = rotated.succeeded().json();
    assert_eq!(json!("the new secret is already stored"), rotated["steps"][0]);
    assert!(rotated["next"].as_str().unwrap().contains("can be revoked"), "{rotated}");
    withdraw_old();
    for _ in 0..5 {
        receipt_is_posted(stack, integration, Request::signed).await;
    }
}

#[tokio::test]
async fn the_oauth_clients_secret_is_replaced_without_a_refused_call() {
    const NEXT: &str = "the-next-client-secret";
    let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
    let integration = stack.integration("http://127.0.0.1:9/", |configuration| platform.host(configuration)).await;
    platform.client_secrets().change_to(&[CLIENT_SECRET, NEXT]);
    let withdraw_old = || platform.client_secrets().change_to(&[NEXT]);
    credential_is_replaced(&stack, &integration, ("client", "PATCHBAY_CLIENT_SECRET", NEXT), withdraw_old).await;
    assert_eq!(0, platform.client_secrets().refused());
}

#[tokio::test]
async fn highlevels_token_is_replaced_without_a_refused_call() {
    const NEXT: &str = "the-next-token";
    let (stack, platform) = (Stack::connect().await, HighLevel::start().await);
    let integration = highlevel::integration(&stack, &Keys::generate(), "http://127.0.0.1:9/", |configuration| {
        configuration["apiBaseUrl"] = platform.url.clone().into();
    })
    .await;
    platform.tokens().change_to(&[TOKEN, NEXT]);
    let withdraw_old = || platform.tokens().change_to(&[NEXT]);
    credential_is_replaced(&stack, &integration, ("token", "PATCHBAY_TOKEN", NEXT), withdraw_old).await;
    assert_eq!(0, platform.tokens().refused());
}

#[tokio::test]
async fn the_gateways_key_is_replaced_without_a_refused_call() {
    const NEXT: &str = "the-next-api-key";
    let (stack, platform) = (Stack::connect().await, MulticloudCx::start_behind_gateway().await);
    let channel = Uuid::new_v4().to_string();
    let mut configuration = multicloud_cx::configuration(&platform.url, &channel, "http://127.0.0.1:9/");
    configuration["apiKey"] = API_KEY.into();
    let integration = stack.integration_of(&channel, &configuration).await;
    platform.api_keys().change_to(&[API_KEY, NEXT]);
    let withdraw_old = || platform.api_keys().change_to(&[NEXT]);
    credential_is_replaced(&stack, &integration, ("api-key", "PATCHBAY_API_KEY", NEXT), withdraw_old).await;
    assert_eq!(0, platform.api_keys().refused());
}

#[tokio::test]
async fn a_secret_that_the_platform_replaces_at_once_is_reloaded_and_fails_no_request() {
    const NEXT: &str = "the-next-client-secret";
    let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
    let integration = stack.integration("http://127.0.0.1:9/", |configuration| platform.host(configuration)).await;
    receipt_is_posted(&stack, &integration, Request::signed).await;
    let mut configuration = integration.configuration("http://127.0.0.1:9/");
    platform.host(&mut configuration);
    configuration["clientSecret"] = NEXT.into();
    integration.configure(&configuration).await;
    platform.client_secrets().change_to(&[NEXT]);
    platform.revoke_tokens();
    receipt_is_posted(&stack, &integration, Request::signed).await;
}
