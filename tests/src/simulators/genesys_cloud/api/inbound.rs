//! Calls on behalf of the customer: messages, typing, button responses and receipts.

use super::answers::{Done, Refusal};
use super::conversations::Key;
use super::models::{InboundEvent, InboundMessage, MessageChannel, Receipt, StructuredResponse};
use super::platform::{Incoming, Platform};
use super::transcripts::Shown;
use super::webhooks::Webhook;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn receipt(
    State(platform): State<Arc<Platform>>,
    Path(integration): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.require_integration(&integration)?;
        let receipt: Receipt = incoming.read()?;
        let mut answer = incoming.body();
        answer["type"] = "Receipt".into();
        answer["direction"] = "Outbound".into();
        complete_channel(&mut answer, &integration, &receipt.channel.time);
        answer["channel"]["from"] = own_end(&integration);
        platform.transcripts.receipt(&answer);
        Ok(Done::answer(answer))
    };
    platform.done("receipt", &incoming, work).await
}

pub(super) async fn message(
    State(platform): State<Arc<Platform>>,
    Path(integration): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.require_integration(&integration)?;
        let message: InboundMessage = incoming.read()?;
        let prefetched = match incoming.query().get("prefetchConversationId").map(String::as_str) {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => return Err(Refusal::bad_request("prefetchConversationId must be true or false.")),
        };
        let mut body = incoming.body();
        if let Some(content) = body.get_mut("content").and_then(Value::as_array_mut) {
            let mime = |one: &Value| one["attachment"]["mime"].as_str().unwrap_or_default().to_owned();
            content.retain(|one| platform.allows(&integration, "inbound", &mime(one)));
        }
        let mut answer = normalized("Text", &integration, &body, &message.channel.time);
        for content in answer.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
            content["contentType"] = "Attachment".into();
            remove(&mut content["attachment"], "thumbnail");
        }
        let (mut answer, conversation, webhook) =
            platform.receive("inbound-message", &integration, &message.channel, answer);
        if prefetched {
            answer["conversationId"] = conversation.into();
        }
        Ok(Done::answer(answer).then(webhook))
    };
    platform.done("inbound-message", &incoming, work).await
}

pub(super) async fn event(
    State(platform): State<Arc<Platform>>,
    Path(integration): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.require_integration(&integration)?;
        let event: InboundEvent = incoming.read()?;
        // Accepted either way: that a disabled direction is refused is not documented.
        if platform.has_typing(&integration, "inbound") {
            let customer = incoming.body()["channel"]["from"]["id"].as_str().unwrap_or_default().to_owned();
            if let Some(conversation) = platform.conversations.of(&customer) {
                platform.transcripts.typing(&conversation.conversation_id);
            }
            platform.shown_typing.lock().expect("no panic").push(customer);
        }
        Ok(Done::answer(normalized("Event", &integration, &incoming.body(), &event.channel.time)))
    };
    platform.done("inbound-event", &incoming, work).await
}

pub(super) async fn structured_response(
    State(platform): State<Arc<Platform>>,
    Path(integration): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.require_integration(&integration)?;
        let response: StructuredResponse = incoming.read()?;
        if !platform.conversations.has_sent(&response.originating_message_id) {
            return Err(Refusal::bad_request("originatingMessageId is not the id of a message."));
        }
        let mut answer = normalized("Structured", &integration, &incoming.body(), &response.channel.time);
        let button = answer["buttonResponse"].take();
        answer["content"] = json!([{"contentType": "ButtonResponse", "buttonResponse": button}]);
        answer["direction"] = "Inbound".into();
        remove(&mut answer, "buttonResponse");
        remove(&mut answer, "originatingMessageId");
        let (answer, _, webhook) = platform.receive("structured-response", &integration, &response.channel, answer);
        Ok(Done::answer(answer).then(webhook))
    };
    platform.done("structured-response", &incoming, work).await
}

/// The normalized form of a post: the platform's own id and a full channel.
fn normalized(kind: &str, integration: &str, body: &Value, time: &str) -> Value {
    let mut answer = body.clone();
    answer["id"] = Uuid::new_v4().simple().to_string().into();
    answer["type"] = kind.into();
    complete_channel(&mut answer, integration, time);
    answer["channel"]["to"] = own_end(integration);
    answer
}

/// Adds what every channel has, and leaves out what the models of responses do not have.
fn complete_channel(answer: &mut Value, integration: &str, time: &str) {
    let channel = &mut answer["channel"];
    channel["id"] = integration.into();
    channel["platform"] = "Open".into();
    channel["type"] = "Private".into();
    channel["time"] = time.into();
    match channel.get("metadata").and_then(|metadata| metadata.get("subType")).cloned() {
        Some(sub_type) => channel["metadata"] = json!({"subType": sub_type}),
        None => remove(channel, "metadata"),
    }
}

fn own_end(integration: &str) -> Value {
    json!({"id": integration, "idType": "Opaque"})
}

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().map(|members| members.remove(name));
}

impl Platform {
    /// Receives a message in the customer's conversation. Returns the response, the conversation's id, and the receipt,
    /// which only a new message gets.
    fn receive(
        &self,
        operation: &'static str,
        integration: &str,
        channel: &MessageChannel,
        answer: Value,
    ) -> (Value, String, Option<Webhook>) {
        let key: Option<Key> = channel
            .message_id
            .as_ref()
            .map(|id| (operation, integration.to_owned(), id.to_string(), channel.time.to_string()));
        let conversation = self.conversations.joined(integration, &channel.from.id, channel.from.id_type);
        let (answer, first) = self.conversations.receive(&conversation, key, answer);
        if first {
            self.transcripts.add(&conversation.conversation_id, Shown::Customer(answer.clone()));
        }
        let receipt = first.then(|| Webhook::published(&conversation, answer["id"].as_str().unwrap_or_default()));
        (answer, conversation.conversation_id, receipt)
    }
}
