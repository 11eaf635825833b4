//! A header that webhooks of Genesys Cloud must have besides their signature.

use crate::cli::fixture::Fixture;
use serde_json::json;
use tests::harness::command::Command;
use tests::simulators::genesys_cloud::WIRE;

/// The status of a webhook with this value of the header, signed as the platform does.
async fn status_with_header(fixture: &Fixture, value: Option<&str>) -> u16 {
    let configuration = fixture.shown().await["configuration"].take();
    let webhook = WIRE[0].fill(configuration["integrationId"].as_str().unwrap(), "customer-1");
    let webhook = webhook.signed_with(configuration["webhookSecrets"][0].as_str().unwrap());
    let request = fixture.stack.http.post(fixture.webhook_url()).header("content-type", "application/json");
    let request = request.header("x-hub-signature-256", webhook.signature.unwrap()).body(webhook.body);
    let request = value.into_iter().fold(request, |request, value| request.header("x-barrier", value));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_webhook_without_the_configured_header_is_refused_though_its_signature_is_right() {
    let fixture = Fixture::new().await;
    let header = ["--webhook-header", "X-Barrier"];
    let added = fixture.set_up().with(&header).run().await.succeeded();
    let secret = fixture.shown().await["configuration"]["webhookHeader"]["secrets"][0].as_str().unwrap().to_owned();
    assert_eq!(json!({"x-barrier": secret}), fixture.platform.integrations()[0]["webhookHeaders"]);
    fixture.message_is_accepted().await;
    assert_eq!(200, status_with_header(&fixture, Some(&secret)).await);
    assert_eq!(401, status_with_header(&fixture, None).await);
    assert_eq!(401, status_with_header(&fixture, Some("0123456789abcdef")).await);
    let _ = Command::new(&["webhook", "test", &fixture.name, "--wait"])
        .env("API_URL", &fixture.stack.api_url)
        .run()
        .await
        .succeeded();
    assert_eq!("ok", Fixture::check(&fixture.doctor().await, "webhook")[0]);
    let shown = fixture.command(&["show", &fixture.name]).run().await.succeeded();
    assert_eq!(
        "x-barrier",
        shown.json()["configuration"]["webhookHeader"]["name"].as_str().unwrap().to_ascii_lowercase()
    );
    for ran in [added, shown] {
        assert!(!ran.all_output().contains(&secret), "{ran:?}");
    }
}

#[tokio::test]
async fn the_header_of_webhooks_is_added_and_rotated_without_a_refused_message() {
    let fixture = Fixture::new().await;
    let _ = fixture.set_up().run().await.succeeded();
    fixture.message_is_accepted().await;
    let _ = fixture.set_up().with(&["--replace", "--webhook-header", "X-Barrier"]).run().await.succeeded();
    fixture.message_is_accepted().await;
    let old = fixture.platform.integrations()[0]["webhookHeaders"]["x-barrier"].clone();

    let rotate = fixture.command(&["rotate", &fixture.name, "--secret", "webhook-header"]);
    assert_eq!(2, rotate.run().await.succeeded().json()["good"]);
    let new = fixture.platform.integrations()[0]["webhookHeaders"]["x-barrier"].clone();
    assert_ne!(old, new);
    fixture.message_is_accepted().await;
    assert_eq!(200, status_with_header(&fixture, old.as_str()).await);
    let finish = ["rotate", &fixture.name, "--secret", "webhook-header", "--finish"];
    let in_use = fixture.command(&finish).run().await.exited_with(1);
    assert!(in_use.stderr.contains("the old secret is still used"), "{in_use:?}");
    let _ = fixture.command(&finish).with(&["--force"]).run().await.succeeded();
    assert_eq!(json!([new]), fixture.shown().await["configuration"]["webhookHeader"]["secrets"]);
    fixture.message_is_accepted().await;
    let answered: Vec<_> = fixture.platform.webhooks().iter().map(|posted| posted.answered).collect();
    assert!(answered.iter().all(|status| *status == Some(200)), "{answered:?}");
}
