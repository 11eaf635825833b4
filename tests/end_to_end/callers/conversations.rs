//! The state of a conversation, its end, and the agent who is there.

use crate::fixtures::WithPlatform;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::stack::TestIntegration;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::{AGENT, Conversation, Fault, QUEUE};
use tests::simulators::genesys_cloud::events::{EventSource, Session};
use tests::simulators::messaging_service::{Attempt, MessagingService};

struct Case {
    fixture: WithPlatform,
    conversation: Conversation,
}

impl Case {
    async fn start() -> Self {
        let fixture = WithPlatform::start().await;
        let conversation = fixture.platform.open_conversation(&fixture.integration.integration_id, "customer-1");
        Self { fixture, conversation }
    }

    async fn show_to(&self, integration: &TestIntegration, id: &str) -> ApiResponse {
        let request = Request::text("").with_bearer_token();
        request.get(&self.fixture.stack, integration, &format!("conversations/{id}")).await
    }

    async fn show(&self) -> ApiResponse {
        self.show_to(&self.fixture.integration, &self.conversation.conversation_id).await
    }

    async fn end_with(&self, request: Request) -> ApiResponse {
        let route = format!("conversations/{}/end", self.conversation.conversation_id);
        request.post(&self.fixture.stack, &self.fixture.integration, &route).await
    }

    async fn end(&self) -> ApiResponse {
        self.end_with(Request::text("").with_bearer_token()).await
    }

    /// The current agent writes.
    async fn write(&self) -> ApiResponse {
        let route = format!("conversations/{}/communications/current/messages", self.conversation.conversation_id);
        let request = Request::new(&json!({"textBody": "hello"})).signed();
        request.post(&self.fixture.stack, &self.fixture.integration, &route).await
    }

    fn operations(&self) -> Vec<&'static str> {
        self.fixture.platform.calls().iter().map(|call| call.operation).collect()
    }
}

#[tokio::test]
async fn the_state_names_the_participants_and_the_communication_of_the_connected_agent() {
    let case = Case::start().await;
    case.fixture
        .platform
        .set_agents(&case.conversation, &[("c-1", "disconnected"), ("c-2", "alerting"), ("c-3", "connected")]);
    let shown = case.show().await;
    assert_eq!(200, shown.status.as_u16(), "{:?}", shown.body);
    assert_eq!(
        (&json!(case.conversation.conversation_id), &json!("connected"), &json!("c-3")),
        (&shown.body["conversationId"], &shown.body["state"], &shown.body["communicationId"])
    );
    let participants = shown.body["participants"].as_array().unwrap();
    assert_eq!((4, &json!("customer")), (participants.len(), &participants[0]["purpose"]));
    let agent = |communication: &str, state: &str| {
        json!({
            "purpose": "agent", "state": state, "communicationId": communication, "userId": AGENT, "queueId": QUEUE,
        })
    };
    let agents = vec![agent("c-1", "disconnected"), agent("c-2", "alerting"), agent("c-3", "connected")];
    assert_eq!(agents, participants[1..]);
    assert!(!shown.body.to_string().contains("customer-1"), "{:?}", shown.body);
    assert_eq!(vec!["conversation"], case.operations());

    case.fixture.platform.set_agents(&case.conversation, &[("c-2", "alerting")]);
    let waiting = case.show().await.body;
    assert_eq!((&json!("waiting"), None), (&waiting["state"], waiting.get("communicationId")));
}

#[tokio::test]
async fn a_conversation_is_ended_once_and_its_end_is_no_error_the_second_time() {
    let case = Case::start().await;
    let ended = case.end().await;
    assert_eq!((200, json!({"outcome": "ended"})), (ended.status.as_u16(), ended.body));
    let again = case.end_with(Request::new(&json!({})).signed()).await;
    assert_eq!((200, json!({"outcome": "already-ended"})), (again.status.as_u16(), again.body));
    assert_eq!(vec!["conversation", "end-conversation", "conversation"], case.operations());
    assert_eq!(json!({"state": "disconnected"}), case.fixture.platform.calls()[1].body);
    assert_eq!("ended", case.show().await.body["state"]);
}

#[tokio::test]
async fn an_end_whose_response_is_lost_is_asked_for_again_and_finds_the_conversation_ended() {
    let case = Case::start().await;
    case.fixture.platform.fail_operation("end-conversation", [Fault::ResponseLost]);
    let ended = case.end().await;
    assert_eq!((200, json!({"outcome": "already-ended"})), (ended.status.as_u16(), ended.body));
}

#[tokio::test]
async fn a_long_conversation_is_shown_too() {
    let case = Case::start().await;
    // Its JSON has more than 512 KiB.
    let ids: Vec<_> = (0..2_500).map(|number| format!("c-{number}")).collect();
    let left = ids.iter().map(|id| (id.as_str(), "disconnected"));
    let agents: Vec<_> = left.chain([("c-last", "connected")]).collect();
    case.fixture.platform.set_agents(&case.conversation, &agents);
    let shown = case.show().await;
    assert_eq!((200, "c-last"), (shown.status.as_u16(), shown.body["communicationId"].as_str().unwrap()));
}

#[tokio::test]
async fn an_agentless_message_tells_whose_its_conversation_is() {
    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let WithPlatform { stack, integration, .. } = &fixture;
    let message = json!({"toAddress": "ada@example.com", "textBody": "hello"});
    let answer = Request::new(&message).signed().post(stack, integration, "agentless").await;
    let id = answer.body["conversationId"].as_str().unwrap_or_else(|| panic!("{:?}", answer.body));
    let source = EventSource::of(stack);
    source.put(&[source.event("user.start", &Session::new(id), Timestamp::now(), &json!({}))]).await;
    let joined = |attempts: &[Attempt]| attempts.iter().any(|attempt| attempt.body["type"] == "agent.joined");
    let attempts = service.wait_until(joined).await;
    let data = &attempts[0].body["data"];
    assert_eq!((&json!({"id": "ada@example.com"}), &json!(id)), (&data["to"], &data["conversationId"]));
}

#[tokio::test]
async fn a_conversation_of_another_integration_is_not_found_and_stays() {
    let case = Case::start().await;
    let other = Case::start().await;
    let foreign = case.fixture.platform.open_conversation("another-integration", "customer-1");
    for id in [foreign.conversation_id.as_str(), other.conversation.conversation_id.as_str(), "unknown"] {
        case.show_to(&case.fixture.integration, id).await.assert_problem(404, "conversation-not-found");
        let route = format!("conversations/{id}/end");
        let end =
            Request::text("").with_bearer_token().post(&case.fixture.stack, &case.fixture.integration, &route).await;
        end.assert_problem(404, "conversation-not-found");
        for communication in ["current", &foreign.communication_id] {
            for (what, body) in [("typing", json!({})), ("messages", json!({"textBody": "hello"}))] {
                let route = format!("conversations/{id}/communications/{communication}/{what}");
                let request = Request::new(&body).with_bearer_token();
                let refused = request.post(&case.fixture.stack, &case.fixture.integration, &route).await;
                refused.assert_problem(404, "conversation-not-found");
            }
        }
    }
    assert!(!case.fixture.platform.conversation("customer-1").unwrap().ended);
    let operations = case.operations();
    assert!(operations.iter().all(|operation| *operation == "conversation"), "{operations:?}");
    case.show_to(&case.fixture.integration, "not%20an%20id").await.assert_problem(400, "invalid-path");
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_leaves_no_outcome_unknown() {
    let case = Case::start().await;
    case.fixture.platform.fail_operation("conversation", [Fault::Status(500); 10]);
    let refused = case.write().await;
    refused.assert_problem(503, "unavailable");
    assert!(refused.body["detail"].as_str().unwrap().ends_with("Nothing was sent."), "{:?}", refused.body);
}

#[tokio::test]
async fn the_current_agent_is_the_only_connected_one() {
    let case = Case::start().await;
    let sent = case.write().await;
    assert_eq!(200, sent.status.as_u16(), "{:?}", sent.body);
    let path = case.fixture.platform.calls_of("agent-message")[0].path.clone();
    assert!(path.contains(&case.conversation.communication_id), "{path}");

    case.fixture.platform.set_agents(&case.conversation, &[("c-1", "alerting"), ("c-2", "disconnected")]);
    case.write().await.assert_problem(409, "no-agent-connected");
    case.fixture.platform.set_agents(&case.conversation, &[("c-1", "connected"), ("c-2", "connected")]);
    let several = case.write().await;
    several.assert_problem(409, "several-agents-connected");
    let detail = several.body["detail"].as_str().unwrap();
    assert!(detail.contains("c-1, c-2") && detail.ends_with("Nothing was sent."), "{detail}");
    case.end().await;
    case.write().await.assert_problem(409, "no-agent-connected");
    assert_eq!(1, case.fixture.platform.calls_of("agent-message").len());
}

#[tokio::test]
async fn a_permission_that_the_client_lacks_is_named() {
    let case = Case::start().await;
    case.fixture.platform.revoke_permission("conversation:communication:disconnect");
    let refused = case.end().await;
    refused.assert_problem(403, "platform-refused");
    let names = |answer: &ApiResponse, permission: &str| answer.body["detail"].as_str().unwrap().contains(permission);
    assert!(names(&refused, "conversation:communication:disconnect"), "{:?}", refused.body);
    assert_eq!("missing.any.permissions", refused.body["platform"]["code"]);
    case.fixture.platform.revoke_permission("conversation:communication:view");
    for refused in [case.show().await, case.write().await] {
        refused.assert_problem(403, "platform-refused");
        assert!(names(&refused, "conversation:communication:view"), "{:?}", refused.body);
    }
}

#[tokio::test]
async fn only_an_authenticated_caller_with_the_route_may_see_or_end_a_conversation() {
    let case = Case::start().await;
    let route = format!("conversations/{}", case.conversation.conversation_id);
    let WithStack { stack, integration } = case.parts();
    Request::text("").get(stack, integration, &route).await.assert_problem(401, "unauthenticated");
    case.end_with(Request::text("")).await.assert_problem(401, "unauthenticated");
    let mut configuration = case.fixture.configuration();
    for caller in configuration["callers"].as_array_mut().unwrap() {
        caller["routes"] = json!(["agent", "conversations/show"]);
    }
    let restricted = stack.integration("http://127.0.0.1:9/", |own| own["callers"] = configuration["callers"].clone());
    let restricted = restricted.await;
    let end = Request::text("").with_bearer_token().post(stack, &restricted, &format!("{route}/end")).await;
    end.assert_problem(403, "route-not-allowed");
    assert_eq!(0, case.fixture.platform.attempts());
}

#[tokio::test]
async fn the_signature_of_a_request_to_read_does_not_end_a_conversation() {
    let case = Case::start().await;
    let signed = Request::text("").signed();
    let route = format!("conversations/{}", case.conversation.conversation_id);
    let shown = signed.get(&case.fixture.stack, &case.fixture.integration, &route).await;
    assert_eq!(200, shown.status.as_u16(), "{:?}", shown.body);
    let refused = case.end_with(signed).await;
    refused.assert_problem(400, "invalid-body");
    assert!(refused.body["detail"].as_str().unwrap().contains("in a signed request, such as {}"), "{:?}", refused.body);
    let ended = case.end_with(Request::new(&json!({})).signed()).await;
    assert_eq!(json!({"outcome": "ended"}), ended.body);
}

#[tokio::test]
async fn a_signed_request_is_read_each_time() {
    let case = Case::start().await;
    let route = format!("conversations/{}", case.conversation.conversation_id);
    let request = Request::text("").signed();
    for state in ["connected", "ended"] {
        let WithStack { stack, integration } = case.parts();
        let shown = request.get(stack, integration, &route).await;
        assert_eq!((200, &json!(state), false), (shown.status.as_u16(), &shown.body["state"], shown.replayed));
        case.end().await;
    }
}

#[tokio::test]
async fn the_end_that_a_caller_asked_for_is_delivered_as_an_event() {
    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let WithPlatform { stack, platform, integration } = &fixture;
    platform.connect_events(EventSource::of(stack));
    // The prefetched answer names the conversation.
    let message = json!({
        "messageId": "m-1", "from": {"id": "ada@example.com", "idType": "Email"}, "text": "hello",
        "prefetchConversationId": true,
    });
    let answer = Request::new(&message).signed().post(stack, integration, "inbound/messages").await;
    let id = answer.body["conversationId"].as_str().unwrap_or_else(|| panic!("{:?}", answer.body));
    let ended =
        Request::text("").with_bearer_token().post(stack, integration, &format!("conversations/{id}/end")).await;
    assert_eq!(json!({"outcome": "ended"}), ended.body);
    let ends = |body: &Value| body["type"] == "conversation.ended";
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| ends(&attempt.body))).await;
    let delivered = attempts.iter().find(|attempt| ends(&attempt.body)).unwrap();
    let data = &delivered.body["data"];
    assert_eq!(
        (&json!({"id": "ada@example.com", "idType": "Email"}), &json!(id), &json!("CLIENT")),
        (&data["to"], &data["conversationId"], &data["reason"])
    );
}

/// What a request needs.
struct WithStack<'c> {
    stack: &'c tests::harness::stack::Stack,
    integration: &'c TestIntegration,
}

impl Case {
    fn parts(&self) -> WithStack<'_> {
        WithStack { stack: &self.fixture.stack, integration: &self.fixture.integration }
    }
}
