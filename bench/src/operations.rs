//! The operations that are measured.

use crate::stubs::{BEARER_TOKEN, CHANNEL, CHANNEL_SECRET, EVENT_SOURCE, PLATFORM_CARDS};
use crate::webhooks::{Shape, signature};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The function that all others are compared with.
pub const EMPTY: &str = "empty-function";
/// The same with the AWS SDK.
pub const WITH_SDK: &str = "sdk-function";

/// One kind of work of a function.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The name in the tables.
    pub name: &'static str,
    /// The name of the binary.
    pub function: &'static str,
    /// Whether AWS and the messaging service are called with TLS.
    pub tls: bool,
    work: Work,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    /// A signed webhook of this size and shape.
    Webhook(Shape),
    /// What a customer does through a channel.
    Channel,
    /// A batch from the queue, with one message for each of this many customers.
    Batch(usize),
    /// An event of a conversation from its queue.
    Event,
    /// A caller's request, with or without an idempotency key.
    Request { integration: &'static str, route: &'static str, body: fn(usize) -> Value, keyed: bool },
}

const CONVERSATION: &str = "conversations/5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee/communications/c";

const SDK: Operation = webhook("empty function with the SDK", WITH_SDK, Shape::Text(700));
const WEBHOOK: Operation = webhook("webhook, text of 700 B", "webhook-receiver", Shape::Text(700));
const DELIVERY: Operation = batch("delivery, one message", 1);
const DELIVERIES: Operation = batch("delivery, ten customers", 10);

/// All operations, the empty function first.
pub const ALL: [Operation; 25] = [
    webhook("empty function", EMPTY, Shape::Text(700)),
    SDK,
    WEBHOOK,
    webhook("webhook, text of 2 KB", "webhook-receiver", Shape::Text(2_000)),
    webhook("webhook, text of 900 KB", "webhook-receiver", Shape::Text(900_000)),
    webhook("webhook, 109 KB nested 90 deep", "webhook-receiver", Shape::Nested(109_000)),
    Operation { name: "channel, a customer's text", function: "channel-receiver", tls: false, work: Work::Channel },
    DELIVERY,
    DELIVERIES,
    request("receipt", "receipt-poster", "receipts", receipt, false),
    request("batch of ten receipts", "receipt-poster", "receipts", receipts, false),
    request("card to a customer", "card-sender", "cards", card, true),
    Operation {
        name: "card to a user of the platform",
        function: "card-sender",
        tls: false,
        work: Work::Request { integration: PLATFORM_CARDS, route: "cards", body: platform_card, keyed: true },
    },
    request("agent's message", "agent-sender", "messages", text_for_agent, true),
    request("agent's message without a key", "agent-sender", "messages", text_for_agent, false),
    request("agent's typing", "agent-sender", "typing", typing, false),
    request("agentless message", "agentless-sender", "agentless", agentless, true),
    request("customer's message", "inbound-sender", "inbound/messages", inbound, false),
    request("customer's response", "inbound-sender", "inbound/responses", response, false),
    request("customer's typing", "inbound-sender", "inbound/events", customer_typing, false),
    Operation { name: "conversation event", function: "conversation-events", tls: false, work: Work::Event },
    Operation { name: "TLS: empty function with the SDK", tls: true, ..SDK },
    Operation { name: "TLS: webhook, text of 700 B", tls: true, ..WEBHOOK },
    Operation { name: "TLS: delivery, one message", tls: true, ..DELIVERY },
    Operation { name: "TLS: delivery, ten customers", tls: true, ..DELIVERIES },
];

const fn webhook(name: &'static str, function: &'static str, shape: Shape) -> Operation {
    Operation { name, function, tls: false, work: Work::Webhook(shape) }
}

const fn batch(name: &'static str, customers: usize) -> Operation {
    Operation { name, function: "message-dispatcher", tls: false, work: Work::Batch(customers) }
}

const fn request(
    name: &'static str,
    function: &'static str,
    route: &'static str,
    body: fn(usize) -> Value,
    keyed: bool,
) -> Operation {
    Operation { name, function, tls: false, work: Work::Request { integration: "acme", route, body, keyed } }
}

fn receipt(number: usize) -> Value {
    json!({"messageId": format!("m-{number}"), "to": {"id": "customer-17"}, "status": "delivered"})
}

fn receipts(number: usize) -> Value {
    json!({"receipts": (0..10).map(|index| receipt(number * 10 + index)).collect::<Vec<_>>()})
}

fn card_itself() -> Value {
    json!({
        "title": "Your parcel", "subtitle": "When may it come?",
        "actions": [
            {"type": "postBack", "title": "Tomorrow", "payload": "tomorrow"},
            {"type": "openUrl", "title": "Follow it", "url": "https://example.com/parcels/12345"},
        ],
    })
}

fn card(_: usize) -> Value {
    json!({"to": "customer-17", "card": card_itself()})
}

fn platform_card(_: usize) -> Value {
    json!({"userId": "4b0c1a52-7f6e-4d1c-9c39-6a2f0a1b2c3d", "card": card_itself()})
}

fn text_for_agent(_: usize) -> Value {
    json!({"textBody": "Your parcel is on its way."})
}

fn typing(_: usize) -> Value {
    json!({"durationMilliseconds": 5000})
}

fn agentless(_: usize) -> Value {
    json!({"toAddress": "customer-17", "textBody": "Your parcel has arrived.", "useExistingActiveConversation": true})
}

fn inbound(number: usize) -> Value {
    json!({"messageId": format!("m-{number}"), "from": {"id": "customer-17", "nickname": "Ada"}, "time": now(),
           "text": "Where is my parcel?"})
}

fn response(number: usize) -> Value {
    json!({"messageId": format!("m-{number}"), "from": {"id": "customer-17"}, "time": now(),
           "originatingMessageId": "c327c2078ca056db130c55ce648d9fa2", "type": "Button", "text": "Tomorrow",
           "payload": "tomorrow"})
}

fn customer_typing(_: usize) -> Value {
    json!({"eventType": "Typing", "from": {"id": "customer-17"}})
}

fn telegram_text(number: usize) -> Value {
    let customer = json!({"id": 1_111_111, "is_bot": false, "first_name": "Ada"});
    json!({
        "update_id": number,
        "message": {
            "message_id": number, "date": Timestamp::now().as_second(), "text": "Where is my parcel?",
            "chat": {"id": 1_111_111, "type": "private", "first_name": "Ada"}, "from": customer,
        },
    })
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

impl Operation {
    /// The event of the call with this number. Ids and keys differ from event to event.
    #[must_use]
    pub fn event(&self, number: usize) -> String {
        let event = match self.work {
            Work::Webhook(shape) => {
                let body = shape.body(&format!("message-{number}"), "customer-17", &now());
                http_event("acme", "webhook", &body, "x-hub-signature-256", &signature(&body), None)
            }
            Work::Channel => {
                let body = telegram_text(number).to_string();
                http_event(CHANNEL, "channel", &body, "x-telegram-bot-api-secret-token", CHANNEL_SECRET, None)
            }
            Work::Batch(customers) => {
                let record = |index| queue_record(index, number * customers + index);
                json!({"Records": (0..customers).map(record).collect::<Vec<_>>()})
            }
            Work::Event => json!({"Records": [event_record(number)]}),
            Work::Request { integration, route, body, keyed } => {
                let route = match (self.function, route) {
                    ("agent-sender", route) => format!("{CONVERSATION}/{route}"),
                    (_, route) => route.to_owned(),
                };
                let (body, token) = (body(number).to_string(), format!("Bearer {BEARER_TOKEN}"));
                let key = keyed.then(|| format!("key-{number}"));
                http_event(integration, &route, &body, "authorization", &token, key.as_deref())
            }
        };
        event.to_string()
    }

    /// # Panics
    /// If the response is not a success.
    pub fn check(&self, answer: &Value) {
        let done = match self.work {
            Work::Batch(_) | Work::Event => answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
            _ => answer["statusCode"].as_u64().is_some_and(|status| (200..300).contains(&status)),
        };
        assert!(done, "{}: {answer}", self.name);
    }
}

/// An event of an API Gateway HTTP API, payload version 2.0.
fn http_event(integration: &str, route: &str, body: &str, proof: &str, proof_value: &str, key: Option<&str>) -> Value {
    let path = format!("/integrations/{integration}/{route}");
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {
            "content-type": "application/json", "host": "a.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "bench", proof: proof_value,
        },
        "pathParameters": {
            "integration": integration,
            "conversationId": "5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee", "communicationId": "c",
        },
        "requestContext": {
            "accountId": "0", "apiId": "a", "domainName": "localhost", "requestId": "r", "stage": "$default",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
        },
        "body": body, "isBase64Encoded": false,
    });
    if let Some(key) = key {
        event["headers"]["idempotency-key"] = key.into();
    }
    event
}

/// A record with the platform's event that an agent has joined.
fn event_record(number: usize) -> Value {
    let now = Timestamp::now();
    let conversation = "5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee";
    let event = json!({
        "version": "0", "id": "58fb5dac-f077-4eec-a25f-c638dbdd4368", "source": EVENT_SOURCE, "account": "123456789012",
        "detail-type": "v2.detail.events.conversation.{id}.user.start", "time": now, "region": "eu-central-1", "resources": [],
        "detail": {
            "topicName": format!("v2.detail.events.conversation.{conversation}.user.start"), "version": "2",
            "eventBody": {
                "eventTime": now.as_millisecond(), "conversationId": conversation, "participantId": "p",
                "sessionId": format!("session-{number}"), "mediaType": "MESSAGE", "messageType": "OPEN",
                "provider": "PureCloud Messaging", "direction": "INBOUND",
            },
            "metadata": {"CorrelationId": "7272d362-23b2-4c14-9d40-dc7b7683153a"}, "timestamp": now,
        },
    });
    json!({
        "messageId": "m", "receiptHandle": "r", "body": event.to_string(), "eventSource": "aws:sqs", "messageAttributes": {},
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": now.as_millisecond().to_string()},
    })
}

/// A record with the envelope of a text message of 700 bytes.
fn queue_record(index: usize, number: usize) -> Value {
    let (customer, now) = (format!("customer-{index}"), now());
    let original = Shape::Text(700).body(&format!("message-{number}"), &customer, &now);
    let body =
        format!(r#"{{"integration":"acme","platform":"genesys-cloud","receivedAt":"{now}","original":{original}}}"#);
    json!({
        "messageId": format!("m-{index}"), "receiptHandle": format!("r-{index}"), "body": body,
        "eventSource": "aws:sqs", "messageAttributes": {},
        "attributes": {
            "MessageGroupId": customer, "ApproximateReceiveCount": "1",
            "SentTimestamp": Timestamp::now().as_millisecond().to_string(), "SequenceNumber": number.to_string(),
        },
    })
}
