//! Secrets are rotated while messages flow.

use serde_json::json;
use tests::genesys_cloud;
use tests::messaging_service::MessagingService;
use tests::stack::{Stack, WEBHOOK_SECRET};

#[tokio::test]
async fn the_webhook_secret_is_rotated_without_a_refused_message() {
    const NEXT: &str = "the-next-webhook-secret";
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let mut configuration = integration.configuration(&service.url);
    let mut sent = Vec::new();

    // Every step is one write of the operator; after each the platform signs with what it knows at that time.
    for (secrets, signing) in [
        (json!([WEBHOOK_SECRET]), WEBHOOK_SECRET),
        (json!([NEXT, WEBHOOK_SECRET]), WEBHOOK_SECRET),
        (json!([NEXT, WEBHOOK_SECRET]), NEXT),
        (json!([NEXT]), NEXT),
    ] {
        configuration["webhookSecrets"] = secrets;
        integration.configure(&configuration).await;
        for _ in 0..3 {
            let webhook = genesys_cloud::text(&integration, "c", "hello").signed_with(signing);
            webhook.accepted(&stack, &integration).await;
            sent.push(webhook.id());
        }
    }
    service.wait_for(sent.last().unwrap()).await;
    let delivered: Vec<_> = service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(sent, delivered);
}

#[tokio::test]
async fn deliveries_are_signed_with_every_secret_so_that_the_messaging_service_can_rotate() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack
        .integration(&service.url, |configuration| {
            let secrets = configuration["delivery"]["signingSecrets"].as_array_mut().unwrap();
            secrets.insert(0, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into());
        })
        .await;
    // The service trusts the second of the two only.
    let webhook = genesys_cloud::text(&integration, "c", "hello");
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
}
