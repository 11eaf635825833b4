//! What holds for every caller endpoint, tested with agentless messages.

use crate::fixtures::WithPlatform;
use crate::single_function::SingleFunction;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tests::harness::caller::Request;
use tests::harness::lambda_host::LambdaHost;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::{Fault, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;

impl WithPlatform {
    pub(super) async fn post(&self, request: &Request) -> ApiResponse {
        request.post(&self.stack, &self.integration, "agentless").await
    }

    fn calls(&self) -> usize {
        self.platform.calls().len()
    }
}

pub(super) fn message() -> Value {
    json!({"toAddress": "customer-1", "textBody": "hello"})
}

#[tokio::test]
async fn an_unauthenticated_request_gets_401_whatever_else_is_wrong() {
    let fixture = WithPlatform::start().await;
    let good = Request::new(&message());
    let old = Timestamp::now() - SignedDuration::from_secs(301);
    let future = Timestamp::now() + SignedDuration::from_secs(320);
    for request in [
        good.clone(),
        Request::text("not json").header("content-type", "text/plain"),
        good.clone().header("authorization", "Bearer not-the-right-token-0123456789abc"),
        good.clone().header("authorization", "Basic Zm9vOmJhcg=="),
        good.clone().signed_at("msg_1", old),
        good.clone().signed_at("msg_1", future),
        good.clone().signed().header("webhook-id", "msg_another"),
        Request { body: json!({"toAddress": "thief", "textBody": "x"}).to_string(), ..good.clone().signed() },
        good.clone().with_bearer_token().header("webhook-signature", "v1,AAAA"),
    ] {
        let answer = fixture.post(&request).await;
        answer.assert_problem(401, "unauthenticated");
    }
    assert_eq!(0, fixture.platform.attempts());
}

/// A signature that matches no secret.
const WRONG: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn listing(wrong: usize, right: Option<&str>) -> String {
    std::iter::repeat_n(WRONG, wrong).chain(right).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_its_signatures_are_checked() {
    let single = SingleFunction::start("agentless-sender").await;
    let large = Request::text("x".repeat(4_000_000));
    let signed = large.clone().signed().header("webhook-signature", &listing(2_350, None));
    for request in [large, signed] {
        let (status, answer) = single.request("agentless", &request).await;
        assert_eq!((413, &json!("urn:patchbay:problem:body-too-large")), (status, &answer["type"]));
    }
    assert_eq!(vec!["GetSecretValue"], single.aws.take_operations(), "no newer secret was looked for");
}

#[tokio::test]
async fn four_megabytes_with_thousands_of_signatures_are_refused_and_with_ten_the_right_one_is_found() {
    let single = SingleFunction::start("agent-sender").await;
    let signed = Request::text("x".repeat(4_000_000)).signed();
    let right = signed.headers.iter().find(|(name, _)| name == "webhook-signature").unwrap().1.clone();
    let answer = async |signatures: &str| {
        let request = signed.clone().header("webhook-signature", signatures);
        single.request("conversations/c/communications/c/messages", &request).await
    };
    let refused = |wrong, right| (listing(wrong, right), 401, "unauthenticated");
    for (signatures, status, problem) in [
        refused(2_350, None),
        refused(2_349, Some(&right)),
        refused(10, Some(&right)),
        (listing(9, Some(&right)), 400, "invalid-body"),
        refused(1, None),
    ] {
        let (answered, answer) = answer(&signatures).await;
        let expected = json!(format!("urn:patchbay:problem:{problem}"));
        assert_eq!((status, &expected), (answered, &answer["type"]), "{} bytes", signatures.len());
    }
    // Only the last one could have been made with a newer secret.
    assert_eq!(vec!["GetSecretValue"; 2], single.aws.take_operations());
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_all_its_errors() {
    let fixture = WithPlatform::start().await;
    let post = async |request: Request| fixture.post(&request.with_bearer_token()).await;
    post(Request::new(&message()).header("content-type", "text/plain"))
        .await
        .assert_problem(415, "unsupported-media-type");
    let large = json!({"toAddress": "c", "textBody": "x".repeat(256 * 1024)});
    post(Request::new(&large)).await.assert_problem(413, "body-too-large");
    post(Request::text("{")).await.assert_problem(400, "invalid-body");
    post(Request::new(&message()).key("")).await.assert_problem(400, "invalid-idempotency-key");
    post(Request::new(&message()).key(&"k".repeat(256))).await.assert_problem(400, "invalid-idempotency-key");

    let answer =
        post(Request::new(&json!({"fromAddress": "x", "textBody": 5, "useExistingActiveConversation": "no"}))).await;
    answer.assert_problem(400, "invalid-body");
    let pointers: Vec<_> =
        answer.body["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(vec!["/textBody", "/useExistingActiveConversation", "/toAddress", "/fromAddress"], pointers);

    let too_long = json!({"toAddress": "c", "textBody": "ä".repeat(2_001)});
    let answer = post(Request::new(&too_long)).await;
    assert_eq!("/textBody must have at most 2000 characters.", answer.body["detail"]);
    assert_eq!(0, fixture.platform.attempts());
    let longest = json!({"toAddress": "c", "textBody": "ä".repeat(2_000)});
    assert_eq!(200, post(Request::new(&longest)).await.status.as_u16());
}

#[tokio::test]
async fn the_same_key_and_body_get_the_first_response_and_another_body_is_refused() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&message()).with_bearer_token().key("order-1");
    let first = fixture.post(&request).await;
    let second = fixture.post(&request).await;
    assert!(!first.replayed && second.replayed);
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    let other =
        Request::new(&json!({"toAddress": "customer-2", "textBody": "hello"})).with_bearer_token().key("order-1");
    fixture.post(&other).await.assert_problem(422, "idempotency-key-reused");
    assert_eq!(1, fixture.calls());
    // Idempotency keys are separate per caller.
    let signed = Request::new(&message()).signed_at("order-1", Timestamp::now());
    assert!(!fixture.post(&signed).await.replayed);
    assert_eq!(2, fixture.calls());
}

#[tokio::test]
async fn a_replayed_signed_request_gets_the_first_response() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&message()).signed();
    let first = fixture.post(&request).await;
    let replayed = fixture.post(&request).await;
    assert!(replayed.replayed);
    assert_eq!(first.body, replayed.body);
    // The key is not signed: a new key must not turn a replayed request into a new one.
    fixture.post(&request.key("a-key-of-the-thief")).await.assert_problem(400, "invalid-idempotency-key");
    assert_eq!(1, fixture.calls());
}

#[tokio::test]
async fn a_hundred_concurrent_requests_with_one_key_reach_the_platform_once() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Slow(Duration::from_millis(500))]);
    let request = Request::new(&message()).with_bearer_token().key("just-once");
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (name, path) = (fixture.integration.name.as_str(), "/agentless");
    // Ten processes of the function, as Lambda might start them, with ten requests each.
    let functions = join_all((0..10).map(|_| LambdaHost::start("agentless-sender", &[]))).await;
    let requests = (0..100).map(|number| functions[number % 10].request(path, name, &headers, &request.body));
    let answers = join_all(requests).await;
    assert_eq!(1, fixture.platform.attempts());
    let done: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
    assert!(!done.is_empty() && done.iter().all(|body| *body == done[0]), "{answers:?}");
    for (status, body) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((409, "urn:patchbay:problem:request-in-progress"), (*status, body["type"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn the_platforms_refusal_is_passed_on_with_its_code_and_stored_without_its_message() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Status(404)]);
    let request = Request::new(&message()).with_bearer_token().key("k");
    let first = fixture.post(&request).await;
    first.assert_problem(404, "platform-refused");
    assert_eq!("simulated", first.body["platform"]["code"]);
    assert_eq!("This is simulated.", first.body["platform"]["message"]);
    assert!(first.body["platform"]["correlationId"].is_string());
    let again = fixture.post(&request).await;
    again.assert_problem(404, "platform-refused");
    assert!(again.replayed && again.body["platform"].get("message").is_none());
    assert_eq!(1, fixture.platform.attempts());
}

#[tokio::test]
async fn an_unknown_outcome_is_reported_and_nothing_is_sent_again() {
    for (fault, done) in [(Fault::ResponseLost, 1), (Fault::Reset, 0), (Fault::Status(500), 0), (Fault::Status(503), 0)]
    {
        let fixture = WithPlatform::start().await;
        fixture.platform.fail([fault]);
        let request = Request::new(&message()).with_bearer_token().key("k");
        for _ in 0..3 {
            fixture.post(&request).await.assert_problem(504, "outcome-unknown");
        }
        assert_eq!((done, 1), (fixture.calls(), fixture.platform.attempts()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_timeout_is_an_unknown_outcome() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::Slow(Duration::from_secs(20))]);
    let request = Request::new(&message()).with_bearer_token().key("k");
    fixture.post(&request).await.assert_problem(504, "outcome-unknown");
    fixture.post(&request).await.assert_problem(504, "outcome-unknown");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_key_is_free_again() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail_tokens([Fault::Status(503); 5]);
    let request = Request::new(&message()).with_bearer_token().key("k");
    let answer = fixture.post(&request).await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.retry_after.is_some());
    assert_eq!(0, fixture.platform.attempts());
    let answer = fixture.post(&request).await;
    assert!(answer.status == 200 && !answer.replayed);
}

#[tokio::test]
async fn an_unknown_client_is_reported_as_an_error_of_the_integration() {
    let fixture = WithPlatform::start().await;
    let mut configuration = fixture.configuration();
    configuration["clientSecret"] = "not-the-right-one".into();
    fixture.integration.configure(&configuration).await;
    let answer = fixture.post(&Request::new(&message()).with_bearer_token()).await;
    answer.assert_problem(502, "platform-credentials");
}

#[tokio::test]
async fn the_platforms_rate_limit_is_waited_for_if_there_is_time_and_passed_on_if_not() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&message()).with_bearer_token().key("k");
    fixture.platform.fail([Fault::RateLimited(1)]);
    assert_eq!(200, fixture.post(&request).await.status.as_u16());
    assert_eq!(2, fixture.platform.attempts());

    let request = Request::new(&message()).with_bearer_token().key("another");
    fixture.platform.fail([Fault::RateLimited(120)]);
    let answer = fixture.post(&request).await;
    answer.assert_problem(429, "rate-limited");
    assert_eq!(Some("120"), answer.retry_after.as_deref());
    assert_eq!(200, fixture.post(&request).await.status.as_u16(), "the key is free again");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_the_message_sent_once() {
    let fixture = WithPlatform::start().await;
    fixture.post(&Request::new(&message()).with_bearer_token()).await;
    fixture.platform.revoke_tokens();
    assert_eq!(200, fixture.post(&Request::new(&message()).with_bearer_token()).await.status.as_u16());
    assert_eq!(2, fixture.calls());
}

#[tokio::test]
async fn a_callers_secret_is_rotated_without_a_refused_request() {
    let fixture = WithPlatform::start().await;
    let request = Request::new(&message());
    assert_eq!(200, fixture.post(&request.clone().with_bearer_token()).await.status.as_u16());
    let mut configuration = fixture.configuration();
    let next = "the-next-bearer-token-0123456789abcdef";
    configuration["callers"].as_array_mut().unwrap().push(json!({"name": "flows", "bearerToken": next}));
    fixture.integration.configure(&configuration).await;
    let rotated = request.clone().header("authorization", &format!("Bearer {next}"));
    assert_eq!(200, fixture.post(&rotated).await.status.as_u16());
    assert_eq!(200, fixture.post(&request.with_bearer_token()).await.status.as_u16());
}

#[tokio::test]
async fn nothing_is_sent_while_the_ledger_is_unreachable() {
    let platform = GenesysCloud::start().await;
    let single = SingleFunction::configured(MessagingService::start().await, "agentless-sender", |configuration| {
        platform.host(configuration);
    })
    .await;
    single.aws.fail_operation("UpdateItem");
    let request = Request::new(&message()).with_bearer_token().key("k");
    assert_eq!(503, single.request("agentless", &request).await.0);
    assert_eq!(0, platform.attempts());
    single.aws.restore();
    assert_eq!(200, single.request("agentless", &request).await.0);
}

#[tokio::test]
async fn a_token_that_expires_or_is_revoked_under_load_is_requested_once() {
    use shared::http_client::{HttpClient, TrustedRoots};
    use shared::model::agentless::AgentlessMessage;
    use shared::platform::genesys_cloud::api::Client;
    use shared::platform::genesys_cloud::config::Config;
    let fixture = WithPlatform::start().await;
    let mut configuration = fixture.configuration();
    for other in ["platform", "delivery", "callers"] {
        configuration.as_object_mut().unwrap().remove(other);
    }
    let config = shared::json::fields::read_configuration(configuration, Config::read).unwrap();
    let message =
        shared::json::fields::read(message(), AgentlessMessage::read).unwrap_or_else(|faults| panic!("{faults:?}"));
    let client = Client::new(HttpClient::new(&TrustedRoots::CompiledIn).unwrap());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let load = async || {
        let sent = join_all((0..50).map(|_| client.send_agentless(&config, &message, deadline))).await;
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    };
    // The token lives for ten seconds and is used for eight of them.
    fixture.platform.set_token_life(Duration::from_secs(10));
    load().await;
    assert_eq!(1, fixture.platform.token_requests());
    tokio::time::sleep(Duration::from_secs(8)).await; // it really expires
    fixture.platform.set_token_life(Duration::from_secs(3_600));
    load().await;
    assert_eq!(2, fixture.platform.token_requests());
    fixture.platform.revoke_tokens();
    load().await;
    assert_eq!(3, fixture.platform.token_requests());
}

#[tokio::test]
async fn a_webhook_id_that_cannot_be_a_key_is_refused() {
    let fixture = WithPlatform::start().await;
    let request = |id: &str| Request::new(&message()).signed_at(id, Timestamp::now());
    for id in ["k".repeat(256), "k".repeat(3_000), "a\tb".to_owned()] {
        let answer = fixture.post(&request(&id)).await;
        answer.assert_problem(400, "invalid-idempotency-key");
        assert_eq!("webhook-id must have 1 to 255 printable characters.", answer.body["detail"]);
    }
    fixture.post(&request("")).await.assert_problem(401, "unauthenticated");
    assert_eq!(0, fixture.platform.attempts());
    assert_eq!(200, fixture.post(&request(&"k".repeat(255))).await.status.as_u16());
}

#[tokio::test]
async fn an_id_that_is_too_long_is_refused_with_its_field_and_the_limit() {
    let fixture = WithPlatform::start().await;
    let long = "x".repeat(513);
    let (message, time) = (json!({"id": "c"}), "2026-01-02T03:04:05Z");
    for (route, field, body) in [
        ("agentless", "/toAddress", json!({"toAddress": long, "textBody": "hi"})),
        ("agentless", "/externalContactId", json!({"externalContactId": long, "textBody": "hi"})),
        ("receipts", "/messageId", json!({"messageId": long, "to": {"id": "c"}, "status": "delivered"})),
        ("receipts", "/to/id", json!({"messageId": "m", "to": {"id": long}, "status": "delivered"})),
        ("cards", "/to", json!({"to": long, "card": {"title": "t"}})),
        ("inbound/messages", "/messageId", json!({"messageId": long, "from": message, "time": time, "text": "t"})),
        ("inbound/messages", "/from/id", json!({"messageId": "m", "from": {"id": long}, "time": time, "text": "t"})),
        ("inbound/events", "/from/id", json!({"eventType": "Typing", "from": {"id": long}})),
    ] {
        let answer = Request::new(&body).signed().post(&fixture.stack, &fixture.integration, route).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!(format!("{field} must have at most 512 bytes."), answer.body["detail"], "{route}");
    }
    assert_eq!(0, fixture.platform.attempts());
}

#[tokio::test]
async fn a_text_that_was_cut_within_an_emoji_goes_to_the_platform() {
    let fixture = WithPlatform::start().await;
    let body = r#"{"toAddress": "customer-0", "toAddress": "customer-1", "textBody": "cut off \ud83d"}"#;
    assert_eq!(200, fixture.post(&Request::text(body).signed()).await.status.as_u16());
    let sent = &fixture.platform.calls()[0].body;
    assert_eq!(
        ("customer-1", "cut off \u{fffd}"),
        (sent["toAddress"].as_str().unwrap(), sent["textBody"].as_str().unwrap())
    );
}

#[tokio::test]
async fn a_caller_with_restricted_routes_gets_403_for_all_others() {
    let fixture = WithPlatform::delivering_to("http://127.0.0.1:9/", |configuration| {
        configuration["callers"][0]["routes"] = json!(["receipts", "inbound"]);
    })
    .await;
    let post = async |request: Request, route: &str| request.post(&fixture.stack, &fixture.integration, route).await;
    for route in ["agentless", "cards", "conversations/c/communications/d/typing"] {
        let answer = post(Request::text("not even JSON").signed(), route).await;
        answer.assert_problem(403, "route-not-allowed");
        let allowed = "receipts, inbound/messages, inbound/responses, inbound/events";
        assert_eq!(format!("The caller may use {allowed} only."), answer.body["detail"]);
    }
    // An unauthenticated caller gets no such detail.
    post(Request::new(&message()), "agentless").await.assert_problem(401, "unauthenticated");
    assert_eq!(0, fixture.platform.attempts());
    let typing = json!({"eventType": "Typing", "from": {"id": "customer-1"}});
    assert_eq!(200, post(Request::new(&typing).signed(), "inbound/events").await.status.as_u16());
    assert_eq!(200, post(Request::new(&message()).with_bearer_token(), "agentless").await.status.as_u16());
}
