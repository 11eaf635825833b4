//! `Prefer: respond-async`: what customers do is stored, acknowledged, and posted to the platform later.

use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use crate::single_function::SingleFunction;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::command::Command;
use tests::harness::stack::{FAILED_MESSAGES, Stack};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::messaging_service::{Attempt, MessagingService};
use tests::simulators::multicloud_cx;
use tests::simulators::multicloud_cx::api::{Fault as MulticloudFault, MulticloudCx};
use uuid::Uuid;

/// A platform and a messaging service.
struct Fixture {
    both: WithPlatform,
    service: MessagingService,
}

impl Fixture {
    async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    async fn configured(change: impl FnOnce(&mut Value)) -> Self {
        let service = MessagingService::start().await;
        Self { both: WithPlatform::delivering_to(&service.url, change).await, service }
    }

    async fn defer(&self, route: &str, body: &Value) -> ApiResponse {
        let request = Request::new(body).signed().header("prefer", "respond-async");
        request.post(&self.both.stack, &self.both.integration, route).await
    }

    /// Defers a message, which must be acknowledged.
    async fn accepted(&self, body: &Value) {
        let answer = self.defer("inbound/messages", body).await;
        assert_eq!((202, true), (answer.status.as_u16(), answer.preference_applied), "{:?}", answer.body);
        assert_eq!(json!({"messageId": body["messageId"], "outcome": "queued"}), answer.body);
    }

    async fn failure_of(&self, message_id: &str) -> Attempt {
        let is_failure =
            |attempt: &&Attempt| attempt.message_id() == message_id && attempt.body["type"] == "inbound.failed";
        let attempts = self.service.wait_until(|attempts| attempts.iter().any(|attempt| is_failure(&attempt))).await;
        attempts.iter().find(is_failure).unwrap().clone()
    }

    fn texts(&self) -> Vec<Value> {
        self.both.platform.calls_of("inbound-message").iter().map(|call| call.body["text"].clone()).collect()
    }
}

/// The failed messages that are kept, once there are any: they are parked and reported at the same time.
async fn kept(integration: &str) -> Vec<Value> {
    for _ in 0..20 {
        let list = Command::new(&["--json", "failed", "list", "--integration", integration]).run().await.succeeded();
        if let Some(kept @ [_, ..]) = list.json()["failed"].as_array().map(Vec::as_slice) {
            return kept.to_vec();
        }
    }
    panic!("nothing is kept");
}

fn message(message_id: &str, text: &str) -> Value {
    json!({"messageId": message_id, "from": {"id": "customer-1", "idType": "Opaque"}, "text": text})
}

#[tokio::test]
async fn a_message_is_acknowledged_before_it_is_posted_with_the_time_of_the_request() {
    let fixture = Fixture::start().await;
    let before = jiff::Timestamp::now();
    // The platform is unavailable while the request is answered.
    let platform = &fixture.both.platform;
    platform.fail_operation("inbound-message", std::iter::repeat_n(Fault::Status(503), 1_000));
    fixture.accepted(&message("m-1", "hello")).await;
    let after = jiff::Timestamp::now();
    assert!(platform.calls_of("inbound-message").is_empty());
    platform.recover_operation("inbound-message");
    let calls = fixture.both.platform.wait_for_calls_of("inbound-message", 1).await;
    let posted = calls.iter().find(|call| call.body["text"] == "hello").unwrap();
    assert_eq!("m-1", posted.body["channel"]["messageId"]);
    let time: jiff::Timestamp = posted.body["channel"]["time"].as_str().unwrap().parse().unwrap();
    let tolerance = jiff::SignedDuration::from_secs(1);
    assert!((before - tolerance..=after + tolerance).contains(&time), "{before} {time} {after}");
}

#[tokio::test]
async fn a_choice_and_typing_are_deferred_too() {
    let fixture = Fixture::start().await;
    fixture.both.platform.know_message("card-1");
    let choice = json!({
        "messageId": "m-2", "from": {"id": "customer-1"}, "originatingMessageId": "card-1", "type": "Button",
        "text": "Approve", "payload": "approve",
    });
    let answer = fixture.defer("inbound/responses", &choice).await;
    assert_eq!((202, json!({"messageId": "m-2", "outcome": "queued"})), (answer.status.as_u16(), answer.body));
    let answer = fixture.defer("inbound/events", &json!({"eventType": "Typing", "from": {"id": "customer-1"}})).await;
    assert_eq!((202, json!({"outcome": "queued"})), (answer.status.as_u16(), answer.body));
    fixture.both.platform.wait_for_calls_of("structured-response", 1).await;
    fixture.both.platform.wait_for_calls_of("inbound-event", 1).await;
}

#[tokio::test]
async fn a_request_without_the_preference_is_answered_when_it_is_done() {
    let fixture = Fixture::start().await;
    let answer = Request::new(&message("m-1", "hello"))
        .signed()
        .header("prefer", "return=minimal")
        .post(&fixture.both.stack, &fixture.both.integration, "inbound/messages")
        .await;
    assert_eq!((200, false), (answer.status.as_u16(), answer.preference_applied), "{:?}", answer.body);
    assert!(answer.body["id"].is_string(), "{:?}", answer.body);
}

#[tokio::test]
async fn a_deferred_request_costs_one_call_to_aws() {
    let single = SingleFunction::start("inbound-sender").await;
    let request = || {
        let id = Uuid::new_v4().to_string();
        Request::new(&message(&id, "hello")).signed().header("prefer", "respond-async")
    };
    assert_eq!(202, single.request("inbound/messages", &request()).await.0);
    let _ = single.aws.take_operations();
    assert_eq!(202, single.request("inbound/messages", &request()).await.0);
    assert_eq!(vec!["SendMessage"], single.aws.take_operations());
}

#[tokio::test]
async fn a_request_is_not_acknowledged_while_the_queue_is_unreachable() {
    let single = SingleFunction::start("inbound-sender").await;
    single.aws.fail_operation("SendMessage");
    let request = Request::new(&message("m-1", "hello")).signed().header("prefer", "respond-async");
    let (status, problem) = single.request("inbound/messages", &request).await;
    assert_eq!((503, &json!("urn:patchbay:problem:unavailable")), (status, &problem["type"]));
}

#[tokio::test]
async fn what_is_invalid_or_not_authenticated_is_refused_at_once() {
    let fixture = Fixture::start().await;
    let mut email = message("m-1", "hello");
    email["email"] = json!({"subject": "Help", "html": "<p>hello</p>"});
    let answer = fixture.defer("inbound/messages", &email).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!(json!([{"pointer": "/email", "detail": "is not supported by this platform"}]), answer.body["errors"]);
    fixture.defer("inbound/messages", &json!({"messageId": "m-1"})).await.assert_problem(400, "invalid-body");
    let unsigned = Request::new(&message("m-1", "hello")).header("prefer", "respond-async");
    let answer = unsigned.post(&fixture.both.stack, &fixture.both.integration, "inbound/messages").await;
    answer.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_customers_messages_are_posted_in_order_and_once_while_calls_fail_and_answers_are_lost() {
    let fixture = Fixture::start().await;
    // The platform deduplicates: what it may have is posted again.
    fixture.both.platform.fail_operation(
        "inbound-message",
        [Fault::Status(503), Fault::ResponseLost, Fault::RateLimited(1), Fault::Reset, Fault::Status(500)],
    );
    let texts: Vec<_> = (0..12).map(|number| format!("text {number}")).collect();
    for (number, text) in texts.iter().enumerate() {
        fixture.accepted(&message(&format!("m-{number}"), text)).await;
        if number % 4 == 0 {
            fixture.accepted(&message(&format!("m-{number}"), text)).await;
        }
    }
    let last = |calls: &[Value]| calls.iter().any(|text| text == "text 11");
    while !last(&fixture.texts()) {
        let count = fixture.texts().len();
        fixture.both.platform.wait_for_calls_of("inbound-message", count + 1).await;
    }
    let mut posted = fixture.texts();
    // A repeated call after a lost answer has the same id, and the platform drops it.
    posted.dedup();
    assert_eq!(json!(texts), json!(posted));
}

#[tokio::test]
async fn the_same_id_is_posted_once_deferred_or_not() {
    let fixture = Fixture::start().await;
    fixture.accepted(&message("m-1", "hello")).await;
    fixture.both.platform.wait_for_calls_of("inbound-message", 1).await;
    // Until the outcome is recorded, the request is in progress.
    let answer = loop {
        let request = Request::new(&message("m-1", "hello")).signed();
        let answer = request.post(&fixture.both.stack, &fixture.both.integration, "inbound/messages").await;
        if answer.status.as_u16() != 409 {
            break answer;
        }
    };
    assert_eq!((200, true), (answer.status.as_u16(), answer.replayed), "{:?}", answer.body);
    assert_eq!(1, fixture.both.platform.calls_of("inbound-message").len());
}

#[tokio::test]
async fn a_refused_message_is_reported_to_the_messaging_service_and_can_be_replayed() {
    let fixture = Fixture::start().await;
    fixture.both.platform.fail_operation("inbound-message", [Fault::Status(400)]);
    let body = message("m-1", "hello");
    fixture.accepted(&body).await;
    let failure = fixture.failure_of("m-1").await.body;
    let data = &failure["data"];
    let shown = ["route", "reason", "detail", "platformStatus", "direction", "intent"].map(|name| &data[name]);
    let expected = json!(["inbound/messages", "platform-refused", "The platform refused it.", 400, "Inbound", "sent"]);
    assert_eq!(expected, json!(shown), "{failure}");
    assert_eq!((&json!("customer-1"), &body["text"]), (&data["from"]["id"], &data["original"]["text"]));

    let _alone = FAILED_MESSAGES.lock().await;
    let name = fixture.both.integration.name.as_str();
    let listed = kept(name).await[0].clone();
    let shown = ["kind", "messageId", "reason"].map(|name| &listed[name]);
    assert_eq!(json!(["message to the platform", "m-1", "platform-refused"]), json!(shown), "{listed}");
    let replay = ["--json", "failed", "replay", "--yes", "--integration", name];
    assert_eq!(json!(1), Command::new(&replay).run().await.succeeded().json()["replayed"]);
    fixture.both.platform.wait_for_calls_of("inbound-message", 1).await;
    assert_eq!(vec![json!("hello")], fixture.texts());
}

#[tokio::test]
async fn what_a_platform_without_deduplication_may_have_is_reported_and_posted_again_only_by_a_replay() {
    let (stack, platform, service) =
        (Stack::connect().await, MulticloudCx::start().await, MessagingService::start().await);
    let configuration = multicloud_cx::configuration(&platform.url, "0123456789", &service.url);
    let integration = stack.integration_of("0123456789", &configuration).await;
    platform.fail([MulticloudFault::ResponseLost]);
    let body = json!({"messageId": "m-1", "from": {"id": "16505550123"}, "text": "hello"});
    let request = Request::new(&body).signed().header("prefer", "respond-async");
    assert_eq!(202, request.post(&stack, &integration, "inbound/messages").await.status.as_u16());
    let failure = service.wait_for("m-1").await.body;
    assert_eq!((&json!("inbound.failed"), &json!("outcome-unknown")), (&failure["type"], &failure["data"]["reason"]));
    assert_eq!(1, platform.messages().len());

    let _alone = FAILED_MESSAGES.lock().await;
    let name = integration.name.as_str();
    let replay = ["--json", "failed", "replay", "--yes", "--integration", name, "--reason", "outcome-unknown"];
    assert_eq!(1, kept(name).await.len());
    assert_eq!(1, Command::new(&replay).run().await.succeeded().json()["replayed"]);
    log_with(name, &[("inbound_posted", "replay_id")]).await;
    assert_eq!(2, platform.messages().len());
}

#[tokio::test]
async fn a_message_that_cannot_be_posted_in_time_is_given_up_and_reported() {
    let fixture =
        Fixture::configured(|configuration| configuration["delivery"]["giveUpAfterSeconds"] = 60.into()).await;
    fixture.both.platform.fail_operation("inbound-message", [Fault::Status(503); 100]);
    let message_id = Uuid::new_v4().to_string();
    fixture.accepted(&message(&message_id, "hello")).await;
    let failure = fixture.failure_of(&message_id).await.body;
    assert_eq!(json!("expired"), failure["data"]["reason"], "{failure}");
}

#[tokio::test]
async fn the_same_id_with_other_content_is_reported_as_refused() {
    let fixture = Fixture::start().await;
    fixture.accepted(&message("m-1", "hello")).await;
    fixture.accepted(&message("m-1", "something else")).await;
    let failure = fixture.failure_of("m-1").await.body;
    assert_eq!(json!("idempotency-key-reused"), failure["data"]["reason"], "{failure}");
    assert_eq!(vec![json!("hello")], fixture.texts());
}

#[tokio::test]
async fn receipts_are_deferred_one_by_one() {
    let fixture = Fixture::start().await;
    let receipt =
        |message_id: &str, status: &str| json!({"messageId": message_id, "to": {"id": "customer-1"}, "status": status});
    let answer = fixture.defer("receipts", &receipt("m-1", "delivered")).await;
    assert_eq!((202, true), (answer.status.as_u16(), answer.preference_applied), "{:?}", answer.body);
    assert_eq!(json!({"messageId": "m-1", "status": 202, "outcome": "queued"}), answer.body);
    let batch = json!({"receipts": [receipt("m-2", "delivered"), receipt("m-3", "sent"), {"messageId": "m-4"}]});
    let answer = fixture.defer("receipts", &batch).await;
    assert_eq!(202, answer.status.as_u16(), "{:?}", answer.body);
    let outcomes: Vec<_> =
        answer.body["receipts"].as_array().unwrap().iter().map(|item| item["outcome"].as_str().unwrap()).collect();
    assert_eq!(vec!["queued", "acknowledged", "failed"], outcomes, "{:?}", answer.body);
    let calls = fixture.both.platform.wait_for_calls_of("receipt", 2).await;
    let mut posted: Vec<_> = calls.iter().map(|call| call.body["id"].as_str().unwrap().to_owned()).collect();
    posted.sort_unstable();
    assert_eq!(vec!["m-1", "m-2"], posted);
}
