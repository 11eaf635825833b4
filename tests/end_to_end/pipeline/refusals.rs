//! Forged, unreadable and foreign webhooks are refused, and nothing of them is delivered.

use crate::fixtures::WithService;
use serde_json::json;
use tests::simulators::genesys_cloud::{self, ApiResponse, BROKEN, Webhook};

impl WithService {
    fn text(&self) -> Webhook {
        genesys_cloud::text(&self.integration, "c", "hello")
    }

    /// Posts `webhook` and asserts a problem of this status and type.
    async fn refused(&self, webhook: &Webhook, status: u16, problem: &str) -> ApiResponse {
        let answer = webhook.post(&self.stack, &self.integration).await;
        answer.assert_problem(status, problem);
        answer
    }

    /// Asserts that a valid message arrives, and nothing else did.
    async fn nothing_else_arrived(&self) {
        let good = self.text();
        good.accepted(&self.stack, &self.integration).await;
        self.service.wait_for(&good.id()).await;
        assert_eq!(1, self.service.attempts().len());
    }
}

#[tokio::test]
async fn forged_webhooks_are_refused() {
    let fixture = WithService::start().await;
    let signed = fixture.text();
    let mut forged = vec![
        Webhook { signature: None, ..signed.clone() },
        signed.clone().signed_with("another-secret-altogether"),
        Webhook { signature: Some("sha256=".to_owned()), ..signed.clone() },
        Webhook {
            signature: signed.signature.as_ref().map(|value| value.replace("sha256=", "sha1=")),
            ..signed.clone()
        },
        Webhook { signature: signed.signature.as_ref().map(|value| format!("{value}, {value}")), ..signed.clone() },
        Webhook { signature: signed.signature.as_ref().map(|value| format!("{value}x")), ..signed.clone() },
    ];
    // Truncated, extended and altered bodies under the signature of the original.
    let mut truncated = signed.clone();
    truncated.body.truncate(signed.body.len() - 1);
    let mut extended = signed.clone();
    extended.body.push(b' ');
    let mut altered = signed.clone();
    altered.body = String::from_utf8(signed.body.clone()).unwrap().replace("hello", "hullo").into_bytes();
    forged.extend([truncated, extended, altered]);
    for webhook in &forged {
        fixture.refused(webhook, 401, "invalid-signature").await;
    }
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn a_replayed_webhook_is_acknowledged_and_delivered_once() {
    let fixture = WithService::start().await;
    let webhook = fixture.text();
    webhook.accepted(&fixture.stack, &fixture.integration).await;
    fixture.service.wait_for(&webhook.id()).await;
    webhook.accepted(&fixture.stack, &fixture.integration).await;
    let next = fixture.text();
    next.accepted(&fixture.stack, &fixture.integration).await;
    fixture.service.wait_for(&next.id()).await;
    assert_eq!(2, fixture.service.attempts().len());
}

#[tokio::test]
async fn unreadable_bodies_are_refused_with_the_position() {
    let fixture = WithService::start().await;
    let deeply_nested =
        format!("{{\"type\":\"Text\",\"id\":\"1\",\"content\":[{}{}]}}", "[".repeat(50_000), "]".repeat(50_000));
    for (body, place) in [
        ("".to_owned(), "line 1, column 0"),
        ("\u{feff}".to_owned(), "line 1, column 0"),
        ("null".to_owned(), "line 1"),
        ("[]".to_owned(), "line 1"),
        (deeply_nested, "is nested too deeply"),
        ("{\"type\":\"Text\"".to_owned(), "ends too early"),
        ("{\"type\":\"Text\" \"private\"}".to_owned(), "is not valid JSON"),
    ] {
        let answer = fixture.refused(&Webhook::new(body), 400, "invalid-body").await;
        assert_eq!("", answer.body["errors"][0]["pointer"], "{:?}", answer.body);
        assert!(answer.body["errors"][0]["detail"].as_str().unwrap().contains(place), "{:?}", answer.body);
        assert!(!answer.body.to_string().contains("private"));
    }
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_refused() {
    let fixture = WithService::start().await;
    let mut body = fixture.text().body;
    let at = body.windows(5).position(|window| window == b"hello").unwrap();
    body[at] = 0xff;
    // In base64, so that the function gets the exact bytes.
    let webhook = Webhook { content_type: "application/octet-stream", ..Webhook::new(body) };
    fixture.refused(&webhook, 400, "invalid-body").await;
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn the_documentations_broken_example_is_refused_with_the_position() {
    let fixture = WithService::start().await;
    let broken = BROKEN[0].fill(&fixture.integration.integration_id, "c");
    let answer = fixture.refused(&broken, 400, "invalid-body").await;
    // The comma is missing after `direction`, at the end of the line before.
    assert_eq!("is not valid JSON (line 18, column 1)", answer.body["errors"][0]["detail"]);
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn a_body_of_more_than_a_million_bytes_is_refused_before_its_signature_is_checked() {
    let fixture = WithService::start().await;
    let webhook = Webhook { signature: None, ..Webhook::new("x".repeat(1_000_001)) };
    fixture.refused(&webhook, 413, "body-too-large").await;
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn a_genuine_message_of_another_integration_is_refused() {
    let fixture = WithService::start().await;
    let mut foreign = fixture.text().json();
    foreign["channel"]["id"] = "00000000-0000-0000-0000-000000000000".into();
    fixture.refused(&Webhook::new(foreign.to_string()), 403, "wrong-integration").await;
    // Neither is a message that names no integration.
    foreign["channel"] = json!({"to": {"id": "c"}});
    fixture.refused(&Webhook::new(foreign.to_string()), 403, "wrong-integration").await;
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn a_webhook_that_names_no_integration_is_refused() {
    let fixture = WithService::start().await;
    let id = &fixture.integration.integration_id;
    for (channel_id, from) in [
        (json!({"odd": 1}), json!({"id": {"odd": 1}})),
        (json!([id]), json!(null)),
        (json!(null), json!([id])),
        (json!(""), json!({"id": 5})),
        (json!(5), json!({"id": id})),
        (json!("another"), json!({"id": id})),
    ] {
        let mut webhook = fixture.text().json();
        webhook["channel"]["id"] = channel_id;
        webhook["channel"]["from"] = from;
        fixture.refused(&Webhook::new(webhook.to_string()), 403, "wrong-integration").await;
    }
    let mut webhook = fixture.text().json();
    webhook["channel"] = json!([webhook["channel"]]);
    fixture.refused(&Webhook::new(webhook.to_string()), 403, "wrong-integration").await;
    fixture.nothing_else_arrived().await;
}

#[tokio::test]
async fn an_unknown_integration_is_not_found() {
    let fixture = WithService::start().await;
    for name in ["unheard-of", "Not-A-Name", "a_b", &"x".repeat(65)] {
        let url = format!("{}/integrations/{name}/webhook", fixture.stack.api_url);
        let answer = fixture.text().post_to(&fixture.stack, &url).await;
        answer.assert_problem(404, "integration-not-found");
    }
    fixture.nothing_else_arrived().await;
}
