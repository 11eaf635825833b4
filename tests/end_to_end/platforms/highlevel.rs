//! HighLevel: its messages are delivered, and statuses are posted to it.

use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::{DOCUMENTATION, Keys, PROVIDER_ID, Sample, Webhook, integration};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};

pub(super) const CONTACT: &str = "contact-17";

pub(super) struct Fixture {
    pub(super) stack: Stack,
    pub(super) platform: HighLevel,
    pub(super) service: MessagingService,
    pub(super) keys: Keys,
    pub(super) integration: TestIntegration,
}

impl Fixture {
    pub(super) async fn start() -> Self {
        Self::new(Reply::status(200), |_| {}).await
    }

    /// A messaging service with this reply, and a changed configuration.
    pub(super) async fn new(reply: Reply, change: impl FnOnce(&mut Value)) -> Self {
        let stack = Stack::connect().await;
        let platform = HighLevel::start().await;
        let service = MessagingService::with_handler(move |_, _| reply.clone()).await;
        let keys = Keys::generate();
        let configured = |configuration: &mut Value| {
            configuration["apiBaseUrl"] = platform.url.clone().into();
            change(configuration);
        };
        let integration = integration(&stack, &keys, &service.url, configured).await;
        platform.set_location(&integration.integration_id);
        Self { stack, platform, service, keys, integration }
    }

    pub(super) fn fill(&self, sample: &Sample) -> Value {
        sample.fill(&self.integration.integration_id, CONTACT)
    }

    pub(super) async fn send(&self, body: &Value) -> Value {
        self.keys.sign(body).acknowledged(&self.stack, &self.integration).await
    }

    pub(super) async fn delivered(&self, sample: &str) -> (Value, Attempt) {
        let body = self.fill(&Sample::wire(sample));
        let answer = self.send(&body).await;
        assert_eq!(json!({"messageId": body["messageId"]}), answer, "{sample}");
        let attempt = self.service.wait_for(body["messageId"].as_str().unwrap()).await;
        assert_eq!(body, attempt.body["data"]["original"], "{sample}");
        assert_eq!("highlevel", attempt.body["data"]["platform"]);
        (body, attempt)
    }

    pub(super) fn location(&self) -> &str {
        &self.integration.integration_id
    }

    pub(super) async fn post(&self, route: &str, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, route).await
    }
}

pub(super) async fn without_provider() -> Fixture {
    Fixture::new(Reply::status(200), |configuration| {
        configuration.as_object_mut().unwrap().remove("conversationProviderId");
    })
    .await
}

pub(super) fn assert_invalid(answer: &ApiResponse, pointer: &str, what: &Value) {
    answer.assert_problem(400, "invalid-body");
    assert_eq!(pointer, answer.body["errors"][0]["pointer"], "{what}");
}

/// A delivery without the original and the common fields.
pub(super) fn said(attempt: &Attempt) -> (Value, Value) {
    let mut data = attempt.body["data"].clone();
    let fields = data.as_object_mut().unwrap();
    for name in ["original", "integration", "platform", "messageId", "direction", "intent", "time"] {
        assert!(fields.remove(name).is_some(), "{name}");
    }
    (attempt.body["type"].clone(), data)
}

#[tokio::test]
async fn every_type_of_message_is_delivered() {
    let fixture = Fixture::start().await;
    let phones = json!({"id": CONTACT, "idType": "Opaque", "phone": "+15555550123"});
    let company = json!({"id": "+15555550100", "idType": "Phone", "phone": "+15555550100"});
    let user = json!({"id": "xsmF1xxhmC92ZpL1lj7aLa", "idType": "Opaque"});
    for (sample, kind, expected) in [
        (
            "sms",
            "message.text",
            json!({
                "conversationId": "fcanlLgpbQgQhderivVs", "from": company, "to": phones,
                "text": "Héllo 👋 your parcel is on its way.", "status": "delivered",
                "attachments": [{"url": "https://storage.example.com/map.png"}],
                "fallbackText": "Héllo 👋 your parcel is on its way.\n\nhttps://storage.example.com/map.png",
            }),
        ),
        (
            "email",
            "message.email",
            json!({
                "conversationId": "fcanlLgpbQgQhderivVs",
                "from": {
                    "id": "support@acme.example", "idType": "Email", "nickname": "Acme Support",
                    "email": "support@acme.example",
                },
                "to": {"id": CONTACT, "idType": "Opaque", "email": "ada@example.com"},
                "subject": "Order confirmed", "html": "<p>Your order shipped.</p>", "text": "Your order shipped.",
                "recipients": ["ada@example.com", "bob@example.com"],
                "cc": ["cc@example.com", "cc2@example.com"], "bcc": ["bcc@example.com"],
                "emailMessageId": "sddfDSF3G56GHG", "threadId": "sddfDSF3G56GHG",
                "attachments": [{"url": "https://storage.example.com/invoice.pdf"}],
                "fallbackText": "Order confirmed\n\nYour order shipped.\n\nhttps://storage.example.com/invoice.pdf",
            }),
        ),
        (
            "call",
            "message.call",
            json!({
                "conversationId": "fcanlLgpbQgQhderivVs", "from": company, "to": phones,
                "status": "completed", "durationSeconds": 42,
                "attachments": [{"url": "https://storage.example.com/call.mp3"}],
                "fallbackText": "Phone call of 42 seconds: completed.\nhttps://storage.example.com/call.mp3",
            }),
        ),
        (
            "voicemail",
            "message.voicemail",
            json!({
                "conversationId": "fcanlLgpbQgQhderivVs", "from": user, "to": phones,
                "status": "completed", "durationSeconds": 7,
                "recordingUrl": "https://storage.example.com/voicemail.mp3",
                "attachments": [{"url": "https://storage.example.com/voicemail.mp3"}],
                "fallbackText": "Voicemail of 7 seconds.\nhttps://storage.example.com/voicemail.mp3",
            }),
        ),
    ] {
        let (_, attempt) = fixture.delivered(sample).await;
        assert_eq!((json!(kind), expected), said(&attempt));
        assert_eq!("sent", attempt.body["data"]["intent"], "{sample}");
    }
}

#[tokio::test]
async fn the_documentations_examples_are_delivered() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        // The documentation's examples name no app.
        configuration.as_object_mut().unwrap().remove("appId");
    })
    .await;
    for sample in DOCUMENTATION {
        let body = fixture.fill(&sample);
        let id = fixture.send(&body).await["messageId"].as_str().unwrap().to_owned();
        let attempt = fixture.service.wait_for(&id).await;
        assert_eq!(body, attempt.body["data"]["original"], "{}", sample.name);
        let original_time = body["dateAdded"].clone();
        assert_eq!(original_time, attempt.body["data"]["time"], "{}", sample.name);
    }
    assert_eq!(DOCUMENTATION.len(), fixture.service.attempts().len());
}

#[tokio::test]
async fn a_repeat_and_a_resend_are_delivered_once_and_another_notification_is_another_message() {
    let fixture = Fixture::start().await;
    let body = fixture.fill(&Sample::wire("sms"));
    for _ in 0..3 {
        fixture.send(&body).await;
    }
    // The exact bytes of the documentation, which have no id at all.
    let mut without_ids = body.clone();
    without_ids.as_object_mut().unwrap().retain(|name, _| name != "webhookId" && name != "messageId");
    let answers = [fixture.send(&without_ids).await, fixture.send(&without_ids).await];
    assert_eq!(answers[0], answers[1]);
    let mut another = body.clone();
    another["webhookId"] = "another".into();
    fixture.send(&another).await;
    // Messages of one customer are ordered: after the next one, nothing is pending.
    let (last, _) = fixture.delivered("sms").await;
    let delivered: Vec<_> = fixture.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    let ids = [&body["messageId"], &answers[0]["messageId"], &another["messageId"], &last["messageId"]];
    assert_eq!(ids.map(|id| id.as_str().unwrap()).to_vec(), delivered);
}

#[tokio::test]
async fn types_that_are_not_forwarded_are_acknowledged_and_not_delivered() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["forwardMessageTypes"] = json!(["SMS"]);
    })
    .await;
    for sample in ["internal-comment", "install", "email", "live-chat"] {
        assert_eq!(json!({}), fixture.send(&fixture.fill(&Sample::wire(sample))).await, "{sample}");
    }
    let mut of_the_provider = fixture.fill(&Sample::wire("sms"));
    of_the_provider["conversationProviderId"] = PROVIDER_ID.into();
    assert_eq!(json!({}), fixture.send(&of_the_provider).await, "its delivery URL contains it");
    fixture.delivered("sms").await;
    assert_eq!(1, fixture.service.attempts().len());
}

#[tokio::test]
async fn forged_and_foreign_webhooks_are_refused() {
    let fixture = Fixture::start().await;
    let body = fixture.fill(&Sample::wire("sms"));
    let (stack, integration) = (&fixture.stack, &fixture.integration);
    for (field, value) in [("locationId", "another"), ("appId", "another")] {
        let mut foreign = body.clone();
        foreign[field] = value.into();
        fixture.keys.sign(&foreign).post(stack, integration).await.assert_problem(403, "wrong-integration");
    }
    let mut early = body.clone();
    early["timestamp"] = "2999-01-01T00:00:00Z".into();
    let answer = fixture.keys.sign(&early).post(stack, integration).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/timestamp", answer.body["errors"][0]["pointer"]);

    Keys::generate().sign(&body).post(stack, integration).await.assert_problem(401, "invalid-signature");
    let absent = Webhook { signature: Some("N/A".to_owned()), ..fixture.keys.sign(&body) };
    absent.post(stack, integration).await.assert_problem(401, "invalid-signature");
    fixture.delivered("sms").await;
    assert_eq!(1, fixture.service.attempts().len());
}

#[tokio::test]
async fn a_providers_request_is_delivered_and_its_status_posted_even_before_the_platform_has_the_message() {
    let fixture = Fixture::new(Reply::status(200), |configuration| {
        configuration["delivery"]["receipts"] = "on-accept".into();
    })
    .await;
    fixture.platform.refuse_early_statuses(2, 401);
    let mut paths = Vec::new();
    for sample in ["provider-sms", "provider-email"] {
        let (body, attempt) = fixture.delivered(sample).await;
        assert_eq!((CONTACT, &json!("send")), (attempt.customer(), &attempt.body["data"]["intent"]));
        paths.push(match body["emailMessageId"].as_str() {
            None => format!("/conversations/messages/{}/status", body["messageId"].as_str().unwrap()),
            Some(email) => format!("/conversations/messages/email/{email}/status"),
        });
    }
    let calls = fixture.platform.wait_for_calls(2).await;
    // The two receipts name different recipients.
    let posted = |path: &String| {
        let call = calls.iter().find(|call| call.path == *path).unwrap_or_else(|| panic!("{path} {calls:?}"));
        (call.method.as_str(), call.body.clone())
    };
    assert_eq!(("PUT", json!({"status": "delivered"})), posted(&paths[0]));
    let recipients = json!([{"emailId": "ada@example.com", "status": "delivered"}]);
    let of_the_email = json!({"status": "delivered", "events": {"delivered": 1}, "recipients": recipients});
    assert_eq!(("PUT", of_the_email), posted(&paths[1]));
    assert_eq!(6, fixture.platform.attempts());
}

#[tokio::test]
async fn a_request_that_is_refused_becomes_a_failed_status_and_an_observation_does_not() {
    let fixture = Fixture::new(Reply::status(400), |_| {}).await;
    // One customer, one group: when the second message is refused, the first is completed.
    fixture.send(&fixture.fill(&Sample::wire("sms"))).await;
    let body = fixture.fill(&Sample::wire("provider-sms"));
    fixture.send(&body).await;
    let calls = fixture.platform.wait_for_calls(1).await;
    assert_eq!(format!("/conversations/messages/{}/status", body["messageId"].as_str().unwrap()), calls[0].path);
    assert_eq!(
        json!({
            "status": "failed",
            "error": {
                "code": "InvalidMessageStructure", "type": "delivery",
                "message": "The messaging service refused the message with status 400.",
            },
        }),
        calls[0].body
    );
    assert_eq!((1, 2), (calls.len(), fixture.service.attempts().len()));
}

#[tokio::test]
async fn the_messaging_services_receipts_are_posted_even_before_the_platform_has_the_message() {
    for early in [401, 403] {
        let fixture = Fixture::start().await;
        fixture.platform.refuse_early_statuses(2, early);
        let receipt = json!({"messageId": "a/b", "to": {"id": CONTACT}, "status": "delivered"});
        let answer = fixture.post("receipts", &receipt).await;
        assert_eq!((200, json!("posted")), (answer.status.as_u16(), answer.body["outcome"].clone()), "{early}");
        let calls = fixture.platform.calls();
        assert_eq!(("/conversations/messages/a%2Fb/status", 3), (calls[0].path.as_str(), fixture.platform.attempts()));
    }
}

#[tokio::test]
async fn every_status_that_the_platform_supports_is_posted() {
    let fixture = Fixture::start().await;
    for (status, outcome) in
        [("sent", "posted"), ("delivered", "posted"), ("read", "posted"), ("removed", "acknowledged")]
    {
        let receipt = json!({"messageId": "m", "to": {"id": CONTACT}, "status": status});
        assert_eq!(outcome, fixture.post("receipts", &receipt).await.body["outcome"], "{status}");
    }
    let posted: Vec<_> = fixture.platform.calls().iter().map(|call| call.body.clone()).collect();
    assert_eq!(vec![json!({"status": "pending"}), json!({"status": "delivered"}), json!({"status": "read"})], posted);
}

#[tokio::test]
async fn a_failure_is_posted_with_our_code_and_the_providers_message() {
    let fixture = Fixture::start().await;
    let reasons = json!([{"code": 30003, "message": "Unreachable destination handset"}]);
    let receipt = json!({"messageId": "m", "to": {"id": CONTACT}, "status": "Undelivered", "reasons": reasons});
    assert_eq!("posted", fixture.post("receipts", &receipt).await.body["outcome"]);
    let error = json!({
        "code": "GeneralError", "type": "delivery", "message": "Unreachable destination handset (30003)",
    });
    assert_eq!(json!({"status": "failed", "error": error}), fixture.platform.calls()[0].body);
}

#[tokio::test]
async fn a_token_that_is_always_refused_is_reported() {
    let fixture = Fixture::new(Reply::status(200), |configuration| configuration["token"] = "wrong".into()).await;
    let receipt =
        json!({"messageId": "m-1", "to": {"id": CONTACT}, "status": "delivered", "time": "2026-01-02T03:04:05Z"});
    fixture.post("receipts", &receipt).await.assert_problem(502, "platform-credentials");
    assert!(fixture.platform.attempts() > 1, "the platform might not have had the message yet");
    let without_time = json!({"messageId": "m-1", "to": {"id": CONTACT}, "status": "delivered"});
    // It has the time of the first attempt.
    fixture.post("receipts", &without_time).await.assert_problem(502, "platform-credentials");
    let before = fixture.platform.attempts();
    fixture.post("inbound/messages", &message()).await.assert_problem(502, "platform-credentials");
    assert_eq!(before + 1, fixture.platform.attempts(), "the platform knows a message that it creates itself");
}

pub(super) fn message() -> Value {
    json!({
        "messageId": "m-1", "from": {"id": CONTACT}, "time": "2026-01-02T03:04:05.678Z", "conversationId": "c-1",
        "text": "hello",
    })
}

#[tokio::test]
async fn an_unsupported_route_lists_the_supported_ones() {
    let fixture = Fixture::start().await;
    let agents = ["messages", "typing"].map(|what| format!("conversations/c-1/communications/c-2/{what}"));
    for route in ["inbound/responses", &agents[0], &agents[1], "conversations/c-1/end", "conversations/c-1"] {
        let answer = match route {
            "conversations/c-1" => Request::text("").signed().get(&fixture.stack, &fixture.integration, route).await,
            route => fixture.post(route, &json!({})).await,
        };
        answer.assert_problem(501, "not-supported");
        let routes = "agentless, agentless/cancel, receipts, cards, inbound/messages, inbound/events";
        let detail = format!("An integration of highlevel has the routes {routes}.");
        assert_eq!(detail, answer.body["detail"], "{route}");
    }
}

#[tokio::test]
async fn a_message_without_an_id_is_answered_with_the_id_that_the_messaging_service_gets() {
    let fixture = Fixture::start().await;
    let mut body = fixture.fill(&Sample::wire("provider-sms"));
    body.as_object_mut().unwrap().remove("messageId");
    body["message"] = "characters that the queue does not take: \u{fffe}\u{ffff}".into();
    let first = fixture.send(&body).await;
    let id = first["messageId"].as_str().unwrap();
    assert_eq!(body["message"], fixture.service.wait_for(id).await.text());
    // A repeat is dropped: it has the same id.
    assert_eq!(first, fixture.send(&body).await);
    let mut last = body.clone();
    last["message"] = "the last".into();
    fixture.service.wait_for(fixture.send(&last).await["messageId"].as_str().unwrap()).await;
    assert_eq!(2, fixture.service.attempts().len());
}

#[tokio::test]
async fn a_message_id_that_fits_no_platform_url_is_refused_and_nothing_is_sent() {
    let fixture = Fixture::start().await;
    let receipt = |id: &str| json!({"messageId": id, "to": {"id": CONTACT}, "status": "delivered"});
    for (id, detail) in [
        ("x".repeat(70_000), "/messageId must have at most 512 bytes."),
        ("..".to_owned(), "/messageId is not a valid id of the platform."),
    ] {
        let answer = fixture.post("receipts", &receipt(&id)).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!(detail, answer.body["detail"]);
    }
    assert!(fixture.platform.calls().is_empty());
    assert_eq!(200, fixture.post("receipts", &receipt(&"x".repeat(512))).await.status.as_u16());
}
