//! Webhooks and receipts that the platform posts.

use super::super::Posted;
use super::{Client, INTEGRATION, inbound, message, within};
use crate::harness::server::Server;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use shared::signature::hub;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

const SECRET: &str = "0123456789abcdef-secret";

/// A client of a platform that is connected to a receiver, which verifies its requests.
struct Fixture {
    client: Client,
    receiver: Arc<Receiver>,
    _server: Server,
}

#[derive(Default)]
struct Receiver {
    bodies: Mutex<Vec<Bytes>>,
    answers: Mutex<VecDeque<Option<u16>>>,
    /// The number of requests that wait for a response that never comes.
    waiting: watch::Sender<Option<usize>>,
}

/// A request that waits for a response that never comes, until its sender disconnects.
struct Waiting(Arc<Receiver>);

impl Waiting {
    fn new(receiver: Arc<Receiver>) -> Self {
        receiver.waiting.send_modify(|waiting| *waiting = Some(waiting.unwrap_or_default() + 1));
        Self(receiver)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting = waiting.map(|waiting| waiting - 1));
    }
}

impl Fixture {
    /// A receiver that responds with these statuses, then 200. `None` is no response.
    async fn answering(answers: impl IntoIterator<Item = Option<u16>>) -> Self {
        let receiver = Arc::new(Receiver { answers: Mutex::new(answers.into_iter().collect()), ..Receiver::default() });
        let server = Server::start(Router::new().fallback(receive).with_state(Arc::clone(&receiver)));
        let client = Client::start().await;
        let webhook_url = format!("{}/webhook", server.origin);
        client.platform.add_integration(INTEGRATION, &webhook_url, SECRET);
        client.platform.allow_everything(INTEGRATION);
        client.platform.connect(webhook_url, SECRET, INTEGRATION);
        client.platform.set_webhook_timeout(Duration::from_secs(10), Duration::ZERO);
        Self { client, receiver, _server: server }
    }

    fn received(&self) -> Vec<Bytes> {
        self.receiver.bodies.lock().unwrap().clone()
    }

    /// The responses to all attempts.
    async fn answered(&self) -> Vec<Option<u16>> {
        self.client.platform.finished_webhooks().await.iter().map(|posted| posted.answered).collect()
    }

    /// The only webhook that was posted.
    async fn only(&self) -> Value {
        let [Posted { body, answered: Some(200) }] = &self.client.platform.finished_webhooks().await[..] else {
            panic!("not exactly one accepted webhook: {:?}", self.client.platform.webhooks());
        };
        assert_eq!(vec![Bytes::from(body.to_string())], self.received());
        body.clone()
    }

    async fn send_agentless(&self, integration: &str) -> Value {
        let body = json!({
            "fromAddress": integration, "toAddress": "customer-1", "toAddressMessengerType": "open", "textBody": "hi",
        });
        self.client.done("/api/v2/conversations/messages/agentless", &body).await
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if hub::verify_sha256(&headers, &body, &[SECRET.into()]).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    receiver.bodies.lock().unwrap().push(body);
    let answer = receiver.answers.lock().unwrap().pop_front().unwrap_or(Some(200));
    match answer {
        Some(status) => StatusCode::from_u16(status).unwrap(),
        None => {
            let _waiting = Waiting::new(receiver);
            futures::future::pending().await
        }
    }
}

fn envelope(id: &Value, webhook: &Value, from: &Value, to: &Value) -> Value {
    json!({
        "id": id,
        "channel": {
            "id": INTEGRATION, "platform": "Open", "type": "Private", "from": from, "to": to,
            "time": webhook["channel"]["time"], "messageId": id,
        },
    })
}

/// Asserts the outbound webhook's content, without its envelope.
fn assert_outbound(webhook: &Value, id: &Value, message: Value) {
    let from = json!({"nickname": "Acme Support", "id": INTEGRATION, "idType": "Opaque"});
    let mut expected = envelope(id, webhook, &from, &json!({"id": "customer-1", "idType": "Opaque"}));
    expected["originatingEntity"] = "Human".into();
    expected["direction"] = "Outbound".into();
    expected.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
    assert_eq!(&expected, webhook);
}

#[tokio::test]
async fn an_agentless_message_comes_back_as_a_webhook_with_the_id_of_the_answer() {
    let fixture = Fixture::answering([]).await;
    let answer = fixture.send_agentless(INTEGRATION).await;
    let webhook = fixture.only().await;
    let message = json!({"type": "Text", "text": "hi", "conversationId": answer["conversationId"]});
    assert_outbound(&webhook, &answer["id"], message);
}

#[tokio::test]
async fn an_agents_text_comes_back_as_a_webhook_with_the_id_of_the_answer() {
    let fixture = Fixture::answering([]).await;
    let conversation = fixture.client.platform.open_conversation(INTEGRATION, "customer-1");
    let answer = fixture.client.done(&within(&conversation, "messages"), &json!({"textBody": "hi"})).await;
    let webhook = fixture.only().await;
    let message = json!({"type": "Text", "text": "hi", "conversationId": answer["conversationId"]});
    assert_outbound(&webhook, &answer["id"], message);
}

#[tokio::test]
async fn an_agents_media_comes_back_as_an_attachment_that_anybody_can_fetch() {
    let fixture = Fixture::answering([]).await;
    let client = &fixture.client;
    let conversation = client.platform.open_conversation(INTEGRATION, "customer-1");
    let request = json!({"fileName": "note.txt", "contentLengthBytes": 5});
    let upload = client.done(&within(&conversation, "messages/media/uploads"), &request).await;
    let mut put = client.http.put(upload["uploadUrl"].as_str().unwrap()).body("hello");
    for (name, value) in upload["uploadHeaders"].as_object().unwrap() {
        put = put.header(name, value.as_str().unwrap());
    }
    assert!(put.send().await.unwrap().status().is_success());
    for _ in 0..2 {
        client.get(&within(&conversation, &format!("messages/media/{}", upload["id"].as_str().unwrap()))).await;
    }
    let answer = client.done(&within(&conversation, "messages"), &json!({"mediaIds": [upload["id"]]})).await;
    let webhook = fixture.only().await;
    let url = webhook["content"][0]["attachment"]["url"].as_str().unwrap();
    let attachment = json!({
        "id": upload["id"], "mediaType": "File", "url": url, "mime": "text/plain", "filename": "note.txt",
        "contentSizeBytes": 5,
    });
    let content = json!([{"contentType": "Attachment", "attachment": attachment}]);
    let message = json!({"type": "Text", "content": content, "conversationId": answer["conversationId"]});
    assert_outbound(&webhook, &answer["id"], message);
    let fetched = client.http.get(url).send().await.unwrap();
    assert_eq!("text/plain", fetched.headers()["content-type"]);
    assert_eq!("hello", fetched.text().await.unwrap());
}

#[tokio::test]
async fn an_agents_typing_comes_back_as_an_event() {
    let fixture = Fixture::answering([]).await;
    let conversation = fixture.client.platform.open_conversation(INTEGRATION, "customer-1");
    let typing = json!({"typing": {"type": "On", "duration": 7_000}});
    fixture.client.done(&within(&conversation, "typing"), &typing).await;
    let webhook = fixture.only().await;
    let events = json!([{"eventType": "Typing", "typing": {"type": "On", "duration": 7_000}}]);
    let event = json!({"type": "Event", "events": events});
    assert_outbound(&webhook, &webhook["id"], event);
}

#[tokio::test]
async fn an_agents_template_comes_back_as_a_notification() {
    let fixture = Fixture::answering([]).await;
    let conversation = fixture.client.platform.open_conversation(INTEGRATION, "customer-1");
    let template = json!({"responseId": "r", "bodyParameters": [{"id": "1", "value": "v"}]});
    fixture.client.done(&within(&conversation, "messages"), &json!({"messagingTemplate": template})).await;
    let webhook = fixture.only().await;
    let template = json!({"id": "r", "body": {"parameters": [{"name": "1", "text": "v"}]}});
    assert_eq!(json!([{"contentType": "Notification", "template": template}]), webhook["content"]);
    assert_eq!("Structured", webhook["type"]);
}

#[tokio::test]
async fn an_inbound_message_gets_one_receipt_with_the_id_of_the_answer_however_often_it_is_posted() {
    let fixture = Fixture::answering([]).await;
    let client = &fixture.client;
    let answer = client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    let receipt = fixture.only().await;
    let from = json!({"id": "customer-1", "idType": "Email"});
    let to = json!({"id": INTEGRATION, "idType": "Opaque"});
    let mut expected = envelope(&answer["id"], &receipt, &from, &to);
    let status = json!({"type": "Receipt", "status": "Published", "direction": "Inbound", "isFinalReceipt": true});
    expected.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    assert_eq!(expected, receipt);
}

#[tokio::test]
async fn a_structured_response_gets_a_receipt() {
    let fixture = Fixture::answering([]).await;
    let response = json!({
        "channel": message("customer-1", "m-1")["channel"], "originatingMessageId": "o",
        "buttonResponse": {"type": "Button", "text": "Yes", "payload": "yes"},
    });
    fixture.client.platform.know_message("o");
    let answer = fixture.client.done(&inbound("structured/response"), &response).await;
    let receipt = fixture.only().await;
    assert_eq!((&answer["id"], &json!("Receipt")), (&receipt["id"], &receipt["type"]));
}

#[tokio::test]
async fn nothing_is_posted_for_an_integration_that_is_not_connected() {
    let fixture = Fixture::answering([]).await;
    fixture.client.platform.know_integration("another");
    fixture.send_agentless("another").await;
    let answer = fixture.send_agentless(INTEGRATION).await;
    assert_eq!(answer["id"], fixture.only().await["id"]);
}

#[tokio::test]
async fn a_webhook_is_posted_five_times_more_and_byte_for_byte_the_same() {
    let fixture = Fixture::answering([Some(500), Some(503), Some(429), Some(504), Some(502), Some(500)]).await;
    fixture.send_agentless(INTEGRATION).await;
    assert_eq!([500, 503, 429, 504, 502, 500].map(Some).to_vec(), fixture.answered().await);
    let received = fixture.received();
    assert!(received.len() == 6 && received.iter().all(|body| *body == received[0]), "{received:?}");
}

#[tokio::test]
async fn any_other_status_is_final() {
    for status in [200, 204, 302, 400, 401, 404, 409] {
        let fixture = Fixture::answering([Some(status)]).await;
        fixture.send_agentless(INTEGRATION).await;
        assert_eq!(vec![Some(status)], fixture.answered().await);
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_answered_in_time_is_posted_again() {
    let fixture = Fixture::answering([None]).await;
    fixture.client.platform.set_webhook_timeout(Duration::from_millis(200), Duration::ZERO);
    fixture.send_agentless(INTEGRATION).await;
    let posted = fixture.client.platform.wait_for_webhooks(2).await;
    assert_eq!((None, posted[0].body.clone()), (posted[0].answered, posted[1].body.clone()));
}

#[tokio::test]
async fn a_message_that_was_refused_is_not_posted() {
    let fixture = Fixture::answering([]).await;
    let conversation = fixture.client.platform.open_conversation(INTEGRATION, "customer-1");
    let (status, _) = fixture.client.post(&within(&conversation, "messages"), &json!({"textBody": ""})).await;
    assert_eq!(400, status.as_u16());
    let answer = fixture.client.done(&within(&conversation, "messages"), &json!({"textBody": "hi"})).await;
    assert_eq!(answer["id"], fixture.only().await["id"]);
}

#[tokio::test]
async fn posting_ends_with_the_platform() {
    let Fixture { client, receiver, _server } = Fixture::answering([None]).await;
    client.platform.set_webhook_timeout(WAIT_TIMEOUT * 2, Duration::ZERO);
    client.done(&inbound("message"), &message("customer-1", "m-1")).await;
    let mut waiting = receiver.waiting.subscribe();
    timeout(WAIT_TIMEOUT, waiting.wait_for(|waiting| *waiting == Some(1))).await.unwrap().unwrap();
    drop(client);
    timeout(WAIT_TIMEOUT, waiting.wait_for(|waiting| *waiting == Some(0))).await.unwrap().unwrap();
    assert_eq!(1, receiver.bodies.lock().unwrap().len());
}
