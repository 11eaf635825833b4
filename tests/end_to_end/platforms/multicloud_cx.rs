//! Genesys Multicloud CX in both directions, with its differences from Genesys Cloud.

use crate::observability::logs::log_with;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::ledger::key::request_digest;
use shared::ledger::{self, Acquire, LeaseRequest, OnExpiredLease};
use shared::platform::Route;
use std::time::Duration;
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::messaging_service::{MessagingService, Reply};
use tests::simulators::multicloud_cx::api::{API_KEY, APP_SECRET, Fault, MulticloudCx};
use tests::simulators::multicloud_cx::{Webhook, configuration, sample};

const CHANNEL: &str = "0123456789";
const CUSTOMER: &str = "16504661149";
const TRACE: &str = "05bb858a34684c82a8ce3b1a9c4e4b67";

/// The stack, the platform, a messaging service, and an integration that connects them.
struct Fixture {
    stack: Stack,
    platform: MulticloudCx,
    service: MessagingService,
    integration: TestIntegration,
}

impl Fixture {
    async fn start() -> Self {
        Self::answering(Reply::status(200)).await
    }

    /// With a messaging service that sends this reply.
    async fn answering(reply: Reply) -> Self {
        Self::configured(MulticloudCx::start().await, reply, |_| {}).await
    }

    async fn configured(platform: MulticloudCx, reply: Reply, change: impl FnOnce(&mut Value)) -> Self {
        let stack = Stack::connect().await;
        let service = MessagingService::with_handler(move |_, _| reply.clone()).await;
        let mut configuration = configuration(&platform.url, CHANNEL, &service.url);
        change(&mut configuration);
        let integration = stack.integration_of(CHANNEL, &configuration).await;
        Self { stack, platform, service, integration }
    }

    fn webhook(name: &str) -> Webhook {
        sample(name).fill(CHANNEL, CUSTOMER)
    }

    async fn post(&self, webhook: &Webhook) -> ApiResponse {
        webhook.post(&self.stack, &self.integration).await
    }

    /// Posts a webhook that must be accepted, and returns the message's id.
    async fn send(&self, webhook: &Webhook) -> String {
        webhook.accepted(&self.stack, &self.integration).await;
        webhook.id()
    }

    async fn call(&self, route: &str, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, route).await
    }
}

fn receipt(message_id: &str, status: &str) -> Value {
    json!({"messageId": message_id, "to": {"id": CUSTOMER}, "status": status})
}

fn two_delivered() -> Value {
    json!({"receipts": [receipt("m-1", "delivered"), receipt("m-2", "delivered")]})
}

/// A receipt in the platform's form.
fn posted(message_id: &str, status: &str) -> Value {
    json!({
        "channel": {"from": {"id": CHANNEL}, "to": {"id": CUSTOMER}, "messageId": message_id},
        "type": "Receipt",
        "status": status,
    })
}

fn written(message_id: &str, change: &Value) -> Value {
    let mut body = json!({"messageId": message_id, "from": {"id": CUSTOMER}, "time": "2026-01-02T03:04:05Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

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
async fn the_trace_is_logged_and_goes_with_the_delivery_and_with_the_receipt() {
    let fixture = Fixture::answering(Reply::status(410)).await;
    fixture.send(&Fixture::webhook("sms").with_trace_id(TRACE)).await;
    let calls = fixture.platform.wait_for_calls(1).await;
    assert_eq!(Some(TRACE), calls[0].trace_id.as_deref());
    assert_eq!(Some(TRACE), fixture.service.attempts()[0].trace_id.as_deref());
    log_with(fixture.integration.name.as_str(), &[("accepted", TRACE)]).await;
    fixture.send(&Fixture::webhook("sms").with_trace_id("not a trace")).await;
    let calls = fixture.platform.wait_for_calls(2).await;
    assert_eq!((None, None), (calls[1].trace_id.clone(), fixture.service.attempts()[1].trace_id.clone()));
}

#[tokio::test]
async fn the_log_contains_neither_texts_nor_addresses_nor_secrets() {
    let keyed = |configuration: &mut Value| configuration["apiKey"] = API_KEY.into();
    let fixture = Fixture::configured(MulticloudCx::start_behind_gateway().await, Reply::status(410), keyed).await;
    fixture.send(&Fixture::webhook("email")).await;
    fixture.post(&Fixture::webhook("sms").signed_with("another-secret")).await;
    fixture.platform.wait_for_calls(1).await;
    fixture.platform.fail([Fault::Code(350)]);
    fixture.call("inbound/messages", &written("m-1", &json!({"text": "Customer message text"}))).await;
    let expected = [
        ("accepted", "Email"),
        ("invalid-signature", "webhook_receiver"),
        ("receipt_posted", "message_dispatcher"),
        ("platform-refused", "inbound/messages"),
    ];
    let log = log_with(fixture.integration.name.as_str(), &expected).await;
    for hidden in [CUSTOMER, "message text", "Html email body", "reply-to@", APP_SECRET, API_KEY, "sha1="] {
        assert!(!log.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_message_is_posted_as_a_receipt_with_a_number() {
    let said = |receipt: Value| Reply::status(200).body(json!({ "receipt": receipt }).to_string());
    let no_number = said(json!({"status": "Failed", "reasons": [{"code": "RecipientOptedOut", "message": "Stop"}]}));
    let unknown = said(json!({"status": "undelivered", "reasons": [{"code": 30003, "message": "No handset"}]}));
    for (reply, status, reasons) in [
        (said(json!({"status": "Delivered"})), "Delivered", None),
        (no_number, "Failed", Some(json!([{"code": 500, "message": "Stop"}]))),
        (unknown, "Failed", Some(json!([{"code": 500, "message": "No handset (30003)"}]))),
        (
            Reply::status(422),
            "Failed",
            Some(json!([{"code": 520, "message": "The messaging service refused the message with status 422."}])),
        ),
    ] {
        let fixture = Fixture::answering(reply).await;
        let id = fixture.send(&Fixture::webhook("sms")).await;
        let calls = fixture.platform.wait_for_calls(1).await;
        let mut expected = posted(&id, status);
        if let Some(reasons) = reasons {
            expected["reasons"] = reasons;
        }
        assert_eq!((CHANNEL, &vec![expected]), (calls[0].channel.as_str(), &calls[0].messages));
    }
}

#[tokio::test]
async fn a_withdrawn_message_is_delivered_as_removed() {
    let fixture = Fixture::start().await;
    for (status, outcome) in [("sent", "acknowledged"), ("read", "posted"), ("removed", "posted")] {
        assert_eq!(outcome, fixture.call("receipts", &receipt("m-1", status)).await.body["outcome"], "{status}");
    }
    assert_eq!(vec![posted("m-1", "Delivered"), posted("m-1", "Removed")], fixture.platform.messages());
}

#[tokio::test]
async fn a_batch_of_receipts_is_one_call_with_an_outcome_for_each() {
    let fixture = Fixture::start().await;
    let first = fixture.call("receipts", &receipt("m-1", "delivered")).await;
    assert_eq!(json!("posted"), first.body["outcome"]);
    let batch = ["m-1", "m-2", "m-3", "m-2"].map(|id| receipt(id, "delivered"));
    let mut batch = batch.to_vec();
    batch.extend([receipt("m-4", "sent"), receipt("m-3", "failed"), receipt("m-5", "lost")]);
    let answer = fixture.call("receipts", &json!({ "receipts": batch })).await;
    assert_eq!(207, answer.status.as_u16());
    let outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(
        vec!["already-posted", "posted", "posted", "already-posted", "acknowledged", "posted", "failed"],
        outcomes
    );
    let calls = fixture.platform.calls();
    let mut failed = posted("m-3", "Failed");
    failed["reasons"] = json!([{"code": 500, "message": "The message could not be delivered."}]);
    assert_eq!(2, calls.len());
    assert_eq!(vec![posted("m-2", "Delivered"), posted("m-3", "Delivered"), failed], calls[1].messages);
}

#[tokio::test]
async fn receipts_that_are_refused_together_are_posted_one_by_one() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Code(512), Fault::Code(512)]);
    let answer = fixture.call("receipts", &two_delivered()).await;
    let mut outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    outcomes.sort_unstable();
    assert_eq!(vec!["failed", "posted"], outcomes, "{:?}", answer.body);
    assert_eq!((3, 1), (fixture.platform.attempts(), fixture.platform.messages().len()));
}

#[tokio::test]
async fn a_batch_with_an_unknown_outcome_may_be_repeated() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(503); 5]);
    let request = Request::new(&two_delivered()).signed();
    let post = async || request.post(&fixture.stack, &fixture.integration, "receipts").await;
    assert!(post().await.body.to_string().contains("outcome-unknown"));
    let second = post().await;
    assert!(!second.replayed);
    assert!(
        second.body["receipts"].as_array().unwrap().iter().all(|one| one["outcome"] == "posted"),
        "{:?}",
        second.body
    );
    assert_eq!(2, fixture.platform.messages().len());
}

#[tokio::test]
async fn a_code_other_than_0_is_a_refusal_even_with_status_200() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Code(350)]);
    let answer = fixture.call("inbound/messages", &written("m-1", &json!({"text": "hello"}))).await;
    answer.assert_problem(502, "platform-refused");
    assert_eq!(json!({"status": 200, "code": "350", "message": "This is simulated."}), answer.body["platform"]);
    assert_eq!((1, 0), (fixture.platform.attempts(), fixture.platform.calls().len()));
}

#[tokio::test]
async fn customers_texts_and_emails_reach_the_channel_once() {
    let keyed = |configuration: &mut Value| configuration["apiKey"] = API_KEY.into();
    let fixture = Fixture::configured(MulticloudCx::start_behind_gateway().await, Reply::status(200), keyed).await;
    let mail = json!({"text": "plain", "email": {"subject": "Subject", "html": "<p>rich</p>"}});
    for (id, change) in [("m-1", json!({"text": "hello"})), ("m-2", mail)] {
        let body = written(id, &change);
        let answer = fixture.call("inbound/messages", &body).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        assert!(answer.body["messageId"] == id && answer.body["id"].is_string(), "{:?}", answer.body);
        assert!(fixture.call("inbound/messages", &body).await.replayed);
    }
    let other = written("m-2", &json!({"text": "plain", "email": {"subject": "Another", "html": "<p>rich</p>"}}));
    fixture.call("inbound/messages", &other).await.assert_problem(422, "idempotency-key-reused");
    let channel = |channel_type: &str, id: &str| json!({"type": channel_type, "from": {"id": CUSTOMER}, "to": {"id": CHANNEL}, "messageId": id});
    let content = json!([{"type": "text", "text": "plain"}, {"type": "html", "text": "<p>rich</p>"}]);
    assert_eq!(
        vec![
            json!({"channel": channel("sms", "m-1"), "type": "Text", "text": "hello"}),
            json!({"channel": channel("email", "m-2"), "type": "Email", "subject": "Subject", "content": content}),
        ],
        fixture.platform.messages()
    );
}

#[tokio::test]
async fn a_failing_platform_gets_a_receipt_again() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(503), Fault::RateLimited(1), Fault::ResponseLost]);
    let answer = fixture.call("receipts", &receipt("m-1", "delivered")).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let messages = fixture.platform.messages();
    assert_eq!((4, 2), (fixture.platform.attempts(), messages.len()));
    assert_eq!(messages[0], messages[1]);
}

#[tokio::test]
async fn a_failing_platform_gets_a_customers_message_again_only_if_it_has_not_taken_it() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::RateLimited(1), Fault::Code(310)]);
    let answer = fixture.call("inbound/messages", &written("m-1", &json!({"text": "hello"}))).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!((3, 1), (fixture.platform.attempts(), fixture.platform.messages().len()));
    fixture.platform.fail([Fault::ResponseLost]);
    let answer = fixture.call("inbound/messages", &written("m-2", &json!({"text": "hello"}))).await;
    answer.assert_problem(504, "outcome-unknown");
    assert_eq!((4, 2), (fixture.platform.attempts(), fixture.platform.messages().len()));
}

#[tokio::test]
async fn several_files_are_one_email_or_separate_messages_and_one_with_an_unknown_outcome_needs_a_new_message_id() {
    let fixture = Fixture::start().await;
    let files: Value =
        ["v", "w", "x"].map(|name| json!({"url": format!("https://e.com/{name}"), "mime": "image/png"})).into();
    let mail = written("m-1", &json!({"email": {"html": "<p>hi</p>"}, "attachments": files}));
    let answer = fixture.call("inbound/messages", &mail).await;
    assert_eq!((200, None), (answer.status.as_u16(), answer.body.get("furtherMessages")), "{:?}", answer.body);
    assert_eq!(Some(4), fixture.platform.messages()[0]["content"].as_array().map(Vec::len));

    fixture.platform.fail([Fault::Slow(Duration::ZERO), Fault::ResponseLost]);
    for _ in 0..2 {
        let answer =
            fixture.call("inbound/messages", &written("m-2", &json!({"text": "t", "attachments": files}))).await;
        answer.assert_problem(504, "outcome-unknown");
        let detail = answer.body["detail"].as_str().unwrap();
        let advice = "if not, send only the files from number 2 on under a new messageId; if it has, only file 3. 1 of 3 \
                      messages were posted.";
        assert!(detail.ends_with(advice) && !detail.contains("same key") && !detail.contains("  "), "{detail}");
    }
    assert_eq!(3, fixture.platform.attempts(), "not posted again, with any key");
}

fn files(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"url": format!("https://e.com/{name}"), "mime": "image/png"})).collect()
}

#[tokio::test]
async fn posted_files_are_not_posted_again_when_the_caller_drops_the_refused_one() {
    let fixture = Fixture::start().await;
    let (both, first) = (files(&["v", "w"]), files(&["v"]));
    for (id, change, status) in [
        ("m-1", json!({"text": "t", "attachments": first}), 200),
        ("m-2", json!({"text": "t", "attachment": first[0]}), 200),
        ("m-3", json!({"text": "t"}), 422),
        ("m-4", json!({"text": "t", "channel": "Email", "attachments": both}), 422),
        ("m-5", json!({"text": "t", "channel": "Email", "attachments": first}), 422),
        ("m-6", json!({"text": "t", "email": {"subject": "s"}, "attachments": both}), 422),
    ] {
        let before = fixture.platform.messages().len();
        fixture.platform.fail([Fault::Slow(Duration::ZERO), Fault::Code(350)]);
        let answer = fixture.call("inbound/messages", &written(id, &json!({"text": "t", "attachments": both}))).await;
        answer.assert_problem(502, "platform-refused");
        let answer = fixture.call("inbound/messages", &written(id, &change)).await;
        assert_eq!(status, answer.status.as_u16(), "{id} {:?}", answer.body);
        if status == 200 {
            assert_eq!((&json!(id), None), (&answer.body["messageId"], answer.body.get("furtherMessages")));
        }
        assert_eq!(before + 1, fixture.platform.messages().len(), "{id}");
    }
}

#[tokio::test]
async fn after_an_interruption_between_files_the_response_names_the_first_missing_file() {
    let fixture = Fixture::start().await;
    let ledger = fixture.stack.ledger();
    let name = &fixture.integration.name;
    let now = Timestamp::now();
    let lease = async |key: String| {
        let until = now - SignedDuration::from_secs(1);
        let request =
            LeaseRequest { key: &key, now: until, until, fingerprint: None, on_expired_lease: OnExpiredLease::Keep };
        let result = ledger.acquire(request).await;
        let Ok(Acquire::Acquired(lease)) = result else { panic!("{result:?}") };
        lease
    };
    // It has posted the first file and was interrupted during the second.
    lease(ledger::key::request(name, &request_digest(Route::InboundMessages, name, "flows", "k"))).await;
    lease(ledger::key::inbound(name, "flows", "message", "m-1")).await;
    let first = lease(ledger::key::inbound(name, "flows", "message-part-1", "m-1")).await;
    let answer = json!({"status": 200, "body": {"messageId": "m-1", "id": "p-1"}}).to_string();
    ledger.complete(&first, now, ledger::Outcome::Succeeded, Some(&answer)).await.unwrap();
    lease(ledger::key::inbound(name, "flows", "message-part-2", "m-1")).await;
    let body = written("m-1", &json!({"text": "t", "attachments": files(&["v", "w", "x"])}));
    let request = Request::new(&body).with_bearer_token().key("k");
    for _ in 0..2 {
        let answer = request.post(&fixture.stack, &fixture.integration, "inbound/messages").await;
        answer.assert_problem(504, "outcome-unknown");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("send only the files from number 2 on under a new messageId"), "{detail}");
        assert!(detail.ends_with(" 1 of 3 messages were posted."), "{detail}");
    }
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn a_text_with_an_empty_email_is_a_text() {
    let fixture = Fixture::start().await;
    let body = written("m-1", &json!({"text": "hello", "email": {"subject": null, "html": null}}));
    assert_eq!(200, fixture.call("inbound/messages", &body).await.status.as_u16());
    assert_eq!(json!("Text"), fixture.platform.messages()[0]["type"]);
    let other = crate::fixtures::WithPlatform::start().await;
    let request = Request::new(&body).signed();
    let answer = request.post(&other.stack, &other.integration, "inbound/messages").await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
}

#[tokio::test]
async fn fields_that_the_platform_does_not_support_are_named() {
    let fixture = Fixture::start().await;
    let body = written("m-1", &json!({"text": "hello", "metadata": {"campaign": "spring"}}));
    let answer = fixture.call("inbound/messages", &body).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/metadata", answer.body["errors"][0]["pointer"]);
    // The other way round: Genesys Cloud accepts no email.
    let other = crate::fixtures::WithPlatform::start().await;
    let body = written("m-1", &json!({"text": "hello", "email": {"subject": "Subject"}}));
    let request = Request::new(&body).signed();
    let answer = request.post(&other.stack, &other.integration, "inbound/messages").await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!(("/email", 0), (answer.body["errors"][0]["pointer"].as_str().unwrap(), other.platform.attempts()));
}

#[tokio::test]
async fn unsupported_routes_are_refused_with_a_list_of_the_supported_ones() {
    let fixture = Fixture::start().await;
    for route in [
        "agentless",
        "inbound/responses",
        "inbound/events",
        "conversations/c/communications/d/messages",
        "conversations/c/communications/d/typing",
    ] {
        let answer = fixture.call(route, &json!({})).await;
        answer.assert_problem(501, "not-supported");
        let detail = "An integration of multicloud-cx has the routes receipts, cards, inbound/messages.";
        assert_eq!(detail, answer.body["detail"], "{route}");
    }
    assert_eq!(0, fixture.platform.attempts());
}
