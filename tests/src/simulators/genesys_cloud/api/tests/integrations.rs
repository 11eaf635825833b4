//! Open Messaging integrations.

use super::Client;
use reqwest::StatusCode;
use serde_json::{Value, json};

pub(super) const PATH: &str = "/api/v2/conversations/messaging/integrations/open";

pub(super) fn acme() -> Value {
    json!({
        "name": "Acme",
        "outboundNotificationWebhookUrl": "https://example.com/webhook",
        "outboundNotificationWebhookSignatureSecretToken": "0123456789abcdef",
    })
}

#[tokio::test]
async fn an_integration_is_made_changed_and_ended() {
    let client = Client::start().await;
    let made = client.done(PATH, &acme()).await;
    assert_eq!("Initiated", made["createStatus"]);
    let id = made["id"].as_str().unwrap();
    let one = format!("{PATH}/{id}");
    assert_eq!("Completed", client.get(&one).await.1["createStatus"]);

    let (status, changed) = client.patch(&one, &json!({"name": "Acme Ltd"})).await;
    assert_eq!((StatusCode::OK, &json!("Acme Ltd")), (status, &changed["name"]));
    assert_eq!(None, changed.get("outboundNotificationWebhookUrl"), "what is left out is cleared");
    assert_eq!("Acme", client.get(&one).await.1["name"], "the first read returns the old state");
    assert_eq!("Acme Ltd", client.get(&one).await.1["name"]);
    assert_eq!(StatusCode::BAD_REQUEST, client.patch(&one, &json!({})).await.0);
    assert_eq!(StatusCode::NOT_FOUND, client.patch(&format!("{PATH}/nobody"), &acme()).await.0);

    assert_eq!(StatusCode::NO_CONTENT, client.delete(&one).await.0);
    assert_eq!(StatusCode::NOT_FOUND, client.get(&one).await.0);
}

#[tokio::test]
async fn integrations_are_listed_page_by_page() {
    let client = Client::start().await;
    for _ in 0..3 {
        client.done(PATH, &acme()).await;
    }
    let (_, page) = client.get(&format!("{PATH}?pageSize=2&pageNumber=2")).await;
    assert_eq!(
        (1, &json!(3), &json!(2)),
        (page["entities"].as_array().unwrap().len(), &page["total"], &page["pageCount"])
    );
}

#[tokio::test]
async fn what_the_role_does_not_permit_is_refused() {
    let client = Client::start().await;
    client.platform.revoke_permission("messaging:integration:add");
    let (status, refusal) = client.post(PATH, &acme()).await;
    assert_eq!((StatusCode::FORBIDDEN, &json!("missing.any.permissions")), (status, &refusal["code"]));
    assert_eq!(StatusCode::OK, client.get(PATH).await.0);
    client.platform.grant_permission("messaging:integration:add");
    client.done(PATH, &acme()).await;
}
