//! Webhooks, and how they are delivered.

use super::{CUSTOMER, Fixture};
use serde_json::{Value, json};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::lambda_host::LambdaHost;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::{APP_SECRET, MulticloudCx};
use tests::simulators::multicloud_cx::{Webhook, sample};

#[tokio::test]
async fn every_kind_of_message_gets_its_id_as_response_and_is_delivered_completely() {
    let fixture = Fixture::start().await;
    for (name, event) in [
        ("sms", "message.text"),
        ("email", "message.email"),
        ("rich-media", "message.structured"),
        ("receipt", "receipt"),
        ("unknown-type", "message.other"),
    ] {
        let webhook = Fixture::webhook(name);
        let id = fixture.send(&webhook).await;
        let attempt = fixture.service.wait_for(&id).await;
        let data = &attempt.body["data"];
        assert_eq!(
            (event, "multicloud-cx"),
            (attempt.body["type"].as_str().unwrap(), data["platform"].as_str().unwrap())
        );
        assert_eq!((webhook.json(), CUSTOMER), (data["original"].clone(), attempt.customer()), "{name}");
        match name {
            "sms" => assert_eq!("Agent message text", attempt.text()),
            "rich-media" => assert_eq!(webhook.json()["content"], data["content"]),
            "email" => assert_eq!(
                json!(["Subject", "Plain text email body", "Html email body", [CUSTOMER], {
                    "id": "reply-to@company.com", "nickname": "Responder display name",
                }]),
                json!([data["subject"], data["text"], data["html"], data["recipients"], data["replyTo"]])
            ),
            "receipt" => assert_eq!("350", data["reasons"][0]["code"]),
            _ => assert_eq!("Reaction", data["platformType"]),
        }
    }
    assert_eq!(5, fixture.service.attempts().len());
}

#[tokio::test]
async fn a_repeated_webhook_is_accepted_again_and_delivered_once() {
    let fixture = Fixture::start().await;
    let webhook = Fixture::webhook("sms");
    for _ in 0..3 {
        fixture.send(&webhook).await;
    }
    // The same customer's next message comes after all of them.
    let last = fixture.send(&Fixture::webhook("email")).await;
    fixture.service.wait_for(&last).await;
    let ids: Vec<_> = fixture.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(vec![webhook.id(), last], ids);
}

#[tokio::test]
async fn webhooks_with_a_wrong_signature_or_of_another_channel_are_refused() {
    let both = |configuration: &mut Value| configuration["appSecrets"] = json!(["the-next-secret", APP_SECRET]);
    let fixture = Fixture::configured(MulticloudCx::start().await, Reply::status(200), both).await;
    let webhook = Fixture::webhook("sms");
    let mut unsigned = webhook.clone();
    unsigned.signature = None;
    for forged in [unsigned, webhook.clone().signed_with("another-secret")] {
        fixture.post(&forged).await.assert_problem(401, "invalid-signature");
    }
    let foreign = sample("sms").fill("9876543210", CUSTOMER);
    fixture.post(&foreign).await.assert_problem(403, "wrong-integration");
    fixture.post(&Webhook::new("{\"channel\"")).await.assert_problem(400, "invalid-body");
    for secret in ["the-next-secret", APP_SECRET] {
        let mut good = Fixture::webhook("sms").signed_with(secret);
        good.signature = good.signature.map(|signature| signature.to_ascii_uppercase().replace("SHA1=", "sha1="));
        let id = fixture.send(&good).await;
        fixture.service.wait_for(&id).await;
    }
    assert_eq!(2, fixture.service.attempts().len());
}

#[tokio::test]
async fn interactions_are_acknowledged_and_not_delivered() {
    let fixture = Fixture::start().await;
    let answer = fixture.post(&Fixture::webhook("interactions")).await;
    assert_eq!((200, json!({})), (answer.status.as_u16(), answer.body));
    let id = fixture.send(&Fixture::webhook("sms")).await;
    fixture.service.wait_for(&id).await;
    assert_eq!(1, fixture.service.attempts().len());
}

#[tokio::test]
async fn an_sms_to_several_is_delivered_with_all_its_recipients() {
    let fixture = Fixture::start().await;
    let mut body = Fixture::webhook("sms").json();
    body["channel"]["to"] = json!([{"id": CUSTOMER}, {"id": "16504661150"}]);
    let id = fixture.send(&Webhook::new(body.to_string())).await;
    let data = &fixture.service.wait_for(&id).await.body["data"];
    assert_eq!((&json!(CUSTOMER), &json!([CUSTOMER, "16504661150"])), (&data["to"]["id"], &data["recipients"]));
    let one = fixture.send(&Fixture::webhook("sms")).await;
    assert_eq!(None, fixture.service.wait_for(&one).await.body["data"].get("recipients"));
}

/// The platform repeats a webhook after a 5xx, and after nothing else.
#[tokio::test]
async fn the_answer_is_503_only_while_nothing_is_stored() {
    let fixture = Fixture::start().await;
    let aws = AwsProxy::start().await;
    let receiver = LambdaHost::start("webhook-receiver", &[("AWS_ENDPOINT_URL", aws.url.as_str())]).await;
    let name = fixture.integration.name.as_str();
    let post = async |webhook: &Webhook| {
        let headers = [("x-hub-signature", webhook.signature.as_deref().unwrap())];
        let body = std::str::from_utf8(&webhook.body).unwrap();
        receiver.request(&format!("/integrations/{name}/webhook"), name, &headers, body).await.0
    };
    let webhook = Fixture::webhook("sms");
    aws.fail_operation("SendMessage");
    assert_eq!(503, post(&webhook).await);
    aws.restore();
    for _ in 0..2 {
        assert_eq!(200, post(&webhook).await);
    }
    let last = Fixture::webhook("sms");
    assert_eq!(200, post(&last).await);
    fixture.service.wait_for(&last.id()).await;
    let ids: Vec<_> = fixture.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(vec![webhook.id(), last.id()], ids);
    aws.fail_operation("SendMessage");
    let final_refusals = [
        (401, webhook.clone().signed_with("another-secret")),
        (403, sample("sms").fill("9876543210", CUSTOMER)),
        (400, Webhook::new("{")),
    ];
    for (status, refused) in final_refusals {
        assert_eq!(status, post(&refused).await);
    }
}
