//! Genesys Cloud's conversation events: put onto the event bus of the partner's event source.
//!
//! Source of the envelope: the test data of the vendor's event-streaming blueprint.

use super::api::{AGENT, Conversation, QUEUE};
use crate::harness::stack::Stack;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// The event source of an organisation in an AWS account.
#[derive(Clone)]
pub struct EventSource {
    name: String,
    function: String,
    endpoint: String,
    http: reqwest::Client,
}

/// A session in a conversation: the customer's, or an agent's.
#[derive(Debug, Clone)]
pub struct Session {
    pub conversation_id: String,
    pub participant_id: String,
    pub session_id: String,
}

impl Session {
    /// The agent's session is the agent's communication.
    #[must_use]
    pub fn of_agent(conversation: &Conversation) -> Self {
        let session = Self::new(&conversation.conversation_id);
        Self { session_id: conversation.communication_id.clone(), ..session }
    }

    #[must_use]
    pub fn new(conversation_id: &str) -> Self {
        Self {
            conversation_id: conversation_id.to_owned(),
            participant_id: Uuid::new_v4().to_string(),
            session_id: Uuid::new_v4().to_string(),
        }
    }
}

impl EventSource {
    /// The event source that the stack is associated with.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("the stack is up");
        let (name, function) = (stack.event_source.clone(), stack.event_function.clone());
        Self { name, function, endpoint, http: stack.http.clone() }
    }

    /// An event of a session at a time, such as `user.start`, with more members of its body.
    #[must_use]
    pub fn event(&self, kind: &str, session: &Session, at: Timestamp, more: &Value) -> Value {
        let Session { conversation_id, participant_id, session_id } = session;
        let mut body = json!({
            "eventTime": at.as_millisecond(), "conversationId": conversation_id, "participantId": participant_id,
            "sessionId": session_id, "mediaType": "MESSAGE", "messageType": "OPEN", "provider": "PureCloud Messaging",
            "direction": "INBOUND",
        });
        if kind.starts_with("user.") {
            body["userId"] = AGENT.into();
            body["queueId"] = QUEUE.into();
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        json!({
            "version": "0", "id": Uuid::new_v4().to_string(), "source": self.name, "account": "000000000000",
            "detail-type": format!("v2.detail.events.conversation.{{id}}.{kind}"),
            "time": Timestamp::now().to_string(), "region": "eu-central-1", "resources": [],
            "detail": {
                "topicName": format!("v2.detail.events.conversation.{conversation_id}.{kind}"), "version": "2",
                "eventBody": body,
                "metadata": {"CorrelationId": Uuid::new_v4().to_string()}, "timestamp": Timestamp::now().to_string(),
            },
        })
    }

    /// Puts events onto the event bus.
    pub async fn put(&self, events: &[Value]) {
        let entries: Vec<_> = events
            .iter()
            .map(|event| {
                json!({
                    "Source": event["source"], "DetailType": event["detail-type"], "Detail": event["detail"].to_string(),
                })
            })
            .collect();
        let request = self.http.post(&self.endpoint).header("x-amz-target", "AWSEvents.PutPartnerEvents");
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let answer = send(request, "events", &json!({ "Entries": entries })).await;
        assert_eq!(json!(0), answer["FailedEntryCount"], "{answer}");
    }

    /// Whether the deployed rule takes this event from its bus, by the emulator's own matcher.
    pub async fn rule_takes(&self, event: &Value) -> bool {
        let call = async |operation: &str, body: Value| {
            let request = self.http.post(&self.endpoint).header("x-amz-target", format!("AWSEvents.{operation}"));
            let request = request.header("content-type", "application/x-amz-json-1.1");
            send(request, "events", &body).await
        };
        let rules = call("ListRules", json!({"EventBusName": self.name})).await;
        let [rule] = rules["Rules"].as_array().expect("rules").as_slice() else { panic!("one rule: {rules}") };
        let test = json!({"EventPattern": rule["EventPattern"], "Event": event.to_string()});
        call("TestEventPattern", test).await["Result"] == true
    }

    /// Invokes the deployed function with an event that the queue has had since `sent_at`.
    pub async fn invoke(&self, event: &Value, sent_at: Timestamp) {
        let request = self.http.post(format!("{}/2015-03-31/functions/{}/invocations", self.endpoint, self.function));
        send(request, "lambda", &json!({"Records": [record_since(&event.to_string(), 1, sent_at)]})).await;
    }

    /// An agent takes the conversation.
    pub async fn put_start(&self, conversation: &Conversation) {
        let session = Session::of_agent(conversation);
        self.put(&[self.event("user.start", &session, Timestamp::now(), &json!({}))]).await;
    }

    /// The conversation ends for all: first the agent's session, then the customer's.
    pub(crate) async fn put_end(&self, conversation: &Conversation, customers_reason: &str) {
        let (agent, customer) = (Session::of_agent(conversation), Session::new(&conversation.conversation_id));
        let now = Timestamp::now();
        let left = json!({"disconnectType": "CLIENT", "interactingDurationMs": 60_000, "alertingDurationMs": 3_000});
        let ended = json!({"disconnectType": customers_reason, "interactingDurationMs": 61_000});
        let later = now + jiff::SignedDuration::from_millis(1);
        self.put(&[self.event("user.end", &agent, now, &left), self.event("customer.end", &customer, later, &ended)])
            .await;
    }
}

/// A record of the queue of events.
#[must_use]
pub fn record(body: &str, receive_count: u32) -> Value {
    record_since(body, receive_count, Timestamp::now())
}

/// A record that the queue has had since `sent_at`.
#[must_use]
pub fn record_since(body: &str, receive_count: u32, sent_at: Timestamp) -> Value {
    json!({
        "messageId": Uuid::new_v4().to_string(), "receiptHandle": "handle", "body": body, "eventSource": "aws:sqs",
        "attributes": {
            "ApproximateReceiveCount": receive_count.to_string(),
            "SentTimestamp": sent_at.as_millisecond().to_string(),
        },
        "messageAttributes": {},
    })
}

/// Calls the emulator, which reads the service from the header, and checks no signature of its root user.
async fn send(request: reqwest::RequestBuilder, service: &str, body: &Value) -> Value {
    let scope = format!("Credential=test/20260101/eu-central-1/{service}/aws4_request");
    let request = request.header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"));
    let response = request.body(body.to_string()).send().await.expect("the emulator answers");
    let (status, answer) = (response.status(), response.bytes().await.unwrap_or_default());
    assert_eq!(StatusCode::OK, status, "{}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).unwrap_or_default()
}
