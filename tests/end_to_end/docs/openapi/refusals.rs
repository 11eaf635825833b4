//! Every documented error is provoked on the deployed stack, and is as documented.

use super::examples::assets;
use super::{AT_ONCE, Fixture, send};
use axum::http::Method;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::digest::Digest;
use shared::ledger::{Acquire, LeaseRequest, OnExpiredLease};
use shared::platform::Route;
use std::collections::BTreeSet;
use tests::harness::caller::Request;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::Webhook;
use tests::simulators::genesys_cloud::api::{Fault, ScanResult};
use tests::simulators::highlevel::api::{Fault as HighLevelFault, HighLevel};
use tests::simulators::{highlevel, multicloud_cx};
use tests::spec::openapi::{Document, Operation, Received};

/// Nothing listens here.
const NOWHERE: &str = "http://127.0.0.1:9/";

/// An operation whose errors are provoked.
struct Victim<'d> {
    operation: Operation<'d>,
    assets: String,
    /// The provoked statuses.
    provoked: BTreeSet<String>,
}

impl Victim<'_> {
    /// A new stack fixture with a platform and an integration.
    async fn fixture(&self) -> Fixture {
        Fixture::start("open-messaging", NOWHERE, &self.assets).await.of(&self.operation)
    }

    /// A body that an integration of Genesys Cloud accepts whose cards go to users.
    fn body(&self) -> Value {
        let name = match self.operation.id() {
            "receiveWebhook" | "postInboundMessage" => "genesysCloudText",
            "postInboundResponse" => "button",
            "postInboundEvent" => "typing",
            "sendCard" => "toUser",
            "postAgentTyping" => "fiveSeconds",
            "endConversation" => "nothing",
            "showConversation" => return json!({}),
            "postReceipts" => "delivered",
            "cancelAgentlessMessage" => "highLevelMessage",
            _ => "text",
        };
        self.operation.body().at("examples").at(name).at("value").value().clone()
    }

    fn good(&self) -> Request {
        Request::new(&self.body()).with_bearer_token()
    }

    /// Asserts a documented problem of this status and type.
    fn is_refused(&mut self, received: &Received, status: u16, problem: &str) {
        let what = format!("{}: {received:?}", self.operation.id());
        assert_eq!((status, "application/problem+json"), (received.status, received.content_type()), "{what}");
        assert_eq!(format!("urn:patchbay:problem:{problem}"), received.body["type"], "{what}");
        assert_eq!(Vec::<String>::new(), self.operation.differences(received), "{what}");
        let tells_when = matches!(problem, "request-in-progress" | "rate-limited" | "unavailable");
        assert_eq!(tells_when, received.headers.contains_key("retry-after"), "{what}");
        assert_eq!(problem == "unauthenticated", received.headers.contains_key("www-authenticate"), "{what}");
        let status = status.to_string();
        let has_its_own = self.operation.node().at("responses").get(&status).is_some();
        self.provoked.insert(if has_its_own { status } else { "4XX".to_owned() });
    }

    async fn refused_by_anybody(&mut self, request: &Request) {
        let fixture = self.fixture().await;
        let name = fixture.with_platform.integration.name.as_str();
        let url = fixture.url(&self.operation).replace(name, "no-such-integration");
        self.is_refused(&fixture.send(&url, request).await, 404, "integration-not-found");

        fixture.with_platform.integration.configure(&json!({"platform": "genesys-cloud"})).await;
        let received = fixture.send(&fixture.url(&self.operation), request).await;
        self.is_refused(&received, 503, "unavailable");
    }

    async fn refused_as_a_webhook(&mut self) {
        let fixture = self.fixture().await;
        let url = fixture.url(&self.operation);
        let signed = |body: &str| {
            let signature = Webhook::new(body).signature.expect("a signature");
            Request::text(body).header("x-hub-signature-256", &signature)
        };
        let mut foreign = self.body();
        foreign["channel"]["id"] = "another".into();
        for (request, status, problem) in [
            (signed("{"), 400, "invalid-body"),
            (Request::new(&self.body()), 401, "invalid-signature"),
            (signed(&foreign.to_string()), 403, "wrong-integration"),
            (Request::text(" ".repeat(1_000_001)), 413, "body-too-large"),
        ] {
            self.is_refused(&fixture.send(&url, &request).await, status, problem);
        }
        self.refused_by_anybody(&signed(&self.body().to_string())).await;

        let fixture = self.fixture().await;
        fixture.with_platform.integration.configure(&json!({"platform": "highlevel"})).await;
        let url = fixture.url(&self.operation);
        let received = fixture.send(&url, &Request::text("{}").header("x-ghl-signature", "AAAA")).await;
        self.is_refused(&received, 429, "unavailable");
    }

    /// Errors of the request itself.
    async fn refused_as_a_request(&mut self) {
        let fixture = self.fixture().await;
        let url = fixture.url(&self.operation);
        for (request, status, problem) in [
            (Request::new(&self.body()), 401, "unauthenticated"),
            (self.good().header("authorization", "Bearer somebody"), 401, "unauthenticated"),
            (Request::text("{").with_bearer_token(), 400, "invalid-body"),
            (Request::new(&json!({"surprise": 1})).with_bearer_token(), 400, "invalid-body"),
            (self.good().key(&"k".repeat(256)), 400, "invalid-idempotency-key"),
            (self.good().header("content-type", "text/plain"), 415, "unsupported-media-type"),
        ] {
            self.is_refused(&fixture.send(&url, &request).await, status, problem);
        }
        // The other two accept as much as Lambda does.
        if !self.operation.route().starts_with("conversations/") {
            let large = Request::text(" ".repeat(256 * 1024 + 1)).with_bearer_token();
            self.is_refused(&fixture.send(&url, &large).await, 413, "body-too-large");
        } else {
            let url = url.replace(&fixture.conversation.conversation_id, "no_id");
            self.is_refused(&fixture.send(&url, &self.good()).await, 400, "invalid-path");
        }
        assert_eq!(0, fixture.with_platform.platform.attempts());
        self.refused_to_the_confined().await;
        self.refused_by_anybody(&self.good()).await;
    }

    /// The caller is restricted to another route.
    async fn refused_to_the_confined(&mut self) {
        let fixture = self.fixture().await;
        let mut configuration = fixture.with_platform.configuration();
        let another = if self.operation.route() == "receipts" { "cards" } else { "receipts" };
        configuration["callers"][1]["routes"] = json!([another]);
        fixture.with_platform.integration.configure(&configuration).await;
        let received = fixture.send(&fixture.url(&self.operation), &self.good()).await;
        self.is_refused(&received, 403, "route-not-allowed");
    }

    /// Errors of the idempotency key.
    async fn refused_for_its_key(&mut self) {
        let fixture = self.fixture().await;
        let url = fixture.url(&self.operation);
        assert!((200..300).contains(&fixture.send(&url, &self.good().key("used")).await.status));
        let other = Request::text(format!("{} ", self.body())).with_bearer_token().key("used");
        self.is_refused(&fixture.send(&url, &other).await, 422, "idempotency-key-reused");

        // Another process holds the lease.
        let name = fixture.with_platform.integration.name.as_str();
        let route = Route::ALL.into_iter().find(|route| route.path() == self.operation.route()).expect("a route");
        let key = format!("request#{name}#{}", Digest::of_parts(&[route.as_str(), name, "flows", "begun"]));
        let now = Timestamp::now();
        let request = LeaseRequest {
            key: &key,
            now,
            until: now + SignedDuration::from_mins(5),
            fingerprint: None,
            on_expired_lease: OnExpiredLease::Keep,
        };
        let result = fixture.with_platform.stack.ledger().acquire(request).await.expect("the ledger answers");
        assert!(matches!(result, Acquire::Acquired(_)));
        self.is_refused(&fixture.send(&url, &self.good().key("begun")).await, 409, "request-in-progress");
    }

    async fn refused_by_the_platform(&mut self) {
        let reads_first = matches!(self.operation.id(), "showConversation" | "endConversation");
        let not_found = if reads_first { "conversation-not-found" } else { "platform-refused" };
        for (fault, status, problem) in [
            (Fault::Status(400), 400, "platform-refused"),
            (Fault::Status(403), 403, "platform-refused"),
            (Fault::Status(404), 404, not_found),
            (Fault::Status(409), 409, "platform-refused"),
            (Fault::Status(410), 410, "platform-refused"),
            (Fault::Status(413), 413, "platform-refused"),
            (Fault::Status(415), 415, "platform-refused"),
            (Fault::Status(422), 422, "platform-refused"),
            (Fault::Status(501), 502, "platform-refused"),
            (Fault::RateLimited(120), 429, "rate-limited"),
            (Fault::Status(500), 504, "outcome-unknown"),
        ] {
            let fixture = self.fixture().await;
            // The maximum number of attempts on any route.
            let platform = &fixture.with_platform.platform;
            match self.operation.id() {
                // After it has said whose conversation it is.
                "sendAgentMessage" => platform.fail_operation("agent-message", [fault; 10]),
                "postAgentTyping" => platform.fail_operation("agent-typing", [fault; 10]),
                _ => platform.fail([fault; 10]),
            }
            let (url, request) = (fixture.url(&self.operation), self.good().key("k"));
            self.is_refused(&fixture.send(&url, &request).await, status, problem);
            // The kept response is replayed.
            if matches!(status, 404 | 504) {
                self.is_refused(&fixture.send(&url, &request).await, status, problem);
            }
        }
        let fixture = self.fixture().await;
        fixture.with_platform.platform.fail_tokens([Fault::Status(401); 2]);
        let received = fixture.send(&fixture.url(&self.operation), &self.good()).await;
        self.is_refused(&received, 502, "platform-credentials");
    }

    /// The errors of an operation that only HighLevel has.
    async fn refused_on_highlevel(&mut self) {
        self.refused_by_anybody(&self.good()).await;
        let (stack, platform) = (Stack::connect().await, HighLevel::start().await);
        let integration = highlevel::integration(&stack, &highlevel::Keys::generate(), NOWHERE, |configuration| {
            configuration["apiBaseUrl"] = platform.url.clone().into();
            configuration["callers"][0]["routes"] = json!(["receipts"]);
        })
        .await;
        platform.schedule("GKJxs4P5L8dWc5CFUITM");
        let (url, good) = (integration.route_url(self.operation.route()), self.good());
        assert!((200..300).contains(&send(&stack, &Method::POST, &url, &good.clone().key("used")).await.status));
        let key = Digest::of_parts(&[self.operation.route(), integration.name.as_str(), "flows", "begun"]);
        let now = Timestamp::now();
        let request = LeaseRequest {
            key: &format!("request#{}#{key}", integration.name.as_str()),
            now,
            until: now + SignedDuration::from_mins(5),
            fingerprint: None,
            on_expired_lease: OnExpiredLease::Keep,
        };
        assert!(matches!(stack.ledger().acquire(request).await, Ok(Acquire::Acquired(_))));
        for (request, fault, status, problem) in [
            (Request::new(&self.body()), None, 401, "unauthenticated"),
            (Request::new(&self.body()).signed(), None, 403, "route-not-allowed"),
            (Request::new(&json!({"surprise": 1})).with_bearer_token(), None, 400, "invalid-body"),
            (Request::text(" ".repeat(256 * 1024 + 1)).with_bearer_token(), None, 413, "body-too-large"),
            (good.clone().header("content-type", "text/plain"), None, 415, "unsupported-media-type"),
            (
                Request::text(format!("{} ", self.body())).with_bearer_token().key("used"),
                None,
                422,
                "idempotency-key-reused",
            ),
            (good.clone().key("begun"), None, 409, "request-in-progress"),
            (good.clone(), Some(HighLevelFault::Status(410)), 410, "platform-refused"),
            (good.clone(), Some(HighLevelFault::Status(401)), 502, "platform-credentials"),
            (good.clone(), Some(HighLevelFault::RateLimited(Some(120))), 429, "rate-limited"),
            (good.clone(), Some(HighLevelFault::Status(500)), 504, "outcome-unknown"),
        ] {
            // At least the maximum number of attempts, of which those that are left are for the next request.
            platform.fail(fault.map(|fault| [fault; 15]).into_iter().flatten());
            self.is_refused(&send(&stack, &Method::POST, &url, &request).await, status, problem);
            platform.clear_faults();
        }
    }

    /// Errors of single operations.
    async fn operation_specific_errors(&mut self) {
        let fixture = self.fixture().await;
        let url = fixture.url(&self.operation);
        match self.operation.id() {
            "sendCard" => {
                let unknown_email = json!({"email": "unknown@example.com", "card": {"title": "t"}});
                let received = fixture.send(&url, &Request::new(&unknown_email).with_bearer_token()).await;
                self.is_refused(&received, 422, "recipient-not-found");
            }
            "postAgentTyping" => {
                let url = url.replace(&fixture.conversation.communication_id, "current");
                for (agents, problem) in [
                    ([("c-1", "alerting"), ("c-2", "disconnected")], "no-agent-connected"),
                    ([("c-1", "connected"), ("c-2", "connected")], "several-agents-connected"),
                ] {
                    fixture.with_platform.platform.set_agents(&fixture.conversation, &agents);
                    self.is_refused(&fixture.send(&url, &self.good()).await, 409, problem);
                }
            }
            "sendAgentMessage" => {
                fixture.with_platform.platform.set_scan_result(ScanResult::Invalid { after: 0 });
                let file = json!({"media": {"content": "AAEC", "fileName": "a.png", "contentType": "image/png"}});
                let received = fixture.send(&url, &Request::new(&file).with_bearer_token()).await;
                self.is_refused(&received, 422, "media-refused");
            }
            _ => {}
        }
        if self.operation.node().at("responses").get("501").is_some() {
            let stack = Stack::connect().await;
            let configuration = multicloud_cx::configuration(NOWHERE, "0123456789", NOWHERE);
            let integration = stack.integration_of("0123456789", &configuration).await;
            let url = integration.route_url(&fixture.route(&self.operation));
            self.is_refused(&send(&stack, &fixture.method, &url, &self.good()).await, 501, "not-supported");
        }
    }
}

#[tokio::test]
async fn every_documented_error_can_be_provoked_and_is_as_documented() {
    let (document, assets) = (Document::read(), assets());
    let one_operation = async |operation: Operation<'_>| {
        let mut victim = Victim { operation, assets: assets.origin.clone(), provoked: BTreeSet::new() };
        // The response of API Gateway when a function fails.
        let not_provoked = "500";
        if victim.operation.id() == "receiveWebhook" {
            victim.refused_as_a_webhook().await;
        } else if victim.operation.id() == "cancelAgentlessMessage" {
            victim.refused_on_highlevel().await;
            victim.operation_specific_errors().await;
        } else {
            victim.refused_as_a_request().await;
            if victim.operation.has_body() {
                victim.refused_for_its_key().await;
            }
            victim.refused_by_the_platform().await;
            victim.operation_specific_errors().await;
        }
        let documented = victim.operation.responses().into_iter().map(|(status, _)| status);
        let refusals = documented.filter(|status| !status.starts_with('2') && status != not_provoked);
        assert_eq!(refusals.collect::<BTreeSet<_>>(), victim.provoked, "{}", victim.operation.id());
    };
    stream::iter(document.operations_of_platforms_and_callers()).for_each_concurrent(AT_ONCE, one_operation).await;
}
