//! Calls on behalf of the company: agentless messages, and messages of agents in a conversation.

use super::answers::{Done, Refusal};
use super::models::{AdditionalMessage, AgentMessage, Agentless, Messenger, Typing};
use super::platform::{Incoming, Platform};
use super::webhooks::{Webhook, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn agentless(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let message: Agentless = incoming.read()?;
        let open = message.to_address_messenger_type == Messenger::Open;
        if open {
            platform.require_integration(&message.from_address)?;
        }
        let conversation = platform.conversations.with(&message.from_address, message.customer());
        if open && conversation.connected && !message.joins() {
            return Err(Refusal::bad_request("A conversation is going on: useExistingActiveConversation is not set."));
        }
        let id = Uuid::new_v4().to_string();
        let text = message.text_body.as_deref().unwrap_or_default();
        let webhook = open.then(|| Webhook::text(&conversation, &id, text).of_the_company());
        platform.conversations.remember(&id);
        let body = incoming.body();
        let mut answer = json!({
            "id": id,
            "conversationId": conversation.conversation_id,
            "fromAddress": body["fromAddress"],
            "messengerType": body["toAddressMessengerType"],
            "timestamp": now(),
            "selfUri": "/api/v2/conversations/messages/agentless",
        });
        if let Some(address) = body.get("toAddress") {
            answer["toAddress"] = address.clone();
        }
        Ok(Done::answer(answer).then(webhook))
    };
    platform.done("agentless", &incoming, work).await
}

pub(super) async fn agent_message(
    State(platform): State<Arc<Platform>>,
    Path((conversation, communication)): Path<(String, String)>,
    incoming: Incoming,
) -> Response {
    let work = || {
        let conversation = platform.conversations.find(&conversation, &communication)?;
        let message = AgentMessage::try_from(incoming.read::<AdditionalMessage>()?)?;
        let id = Uuid::new_v4().to_string();
        let webhook = match &message {
            AgentMessage::Text(text) => Webhook::text(&conversation, &id, text),
            AgentMessage::Template(template) => Webhook::template(&conversation, &id, template),
            AgentMessage::Media { id: media, text } => {
                let upload = platform.uploads.sendable(media, &conversation)?;
                if !platform.allows(&conversation.integration_id, "outbound", upload.content_type) {
                    return Err(Refusal::bad_request("mediaIds: the media type is not supported by the integration"));
                }
                Webhook::media(&conversation, &id, &upload, &upload.url(&platform.url), text.as_deref())
            }
        };
        platform.conversations.remember(&id);
        let mut normalized = webhook.body.clone();
        normalized.as_object_mut().expect("an object").remove("conversationId");
        let answer = json!({
            "id": id,
            "timestamp": now(),
            "fromAddress": conversation.integration_id,
            "toAddress": conversation.customer,
            "direction": "outbound",
            "messengerType": "open",
            "status": "queued",
            "normalizedMessage": normalized,
            "conversationId": conversation.conversation_id,
            "selfUri": format!("/api/v2/conversations/messages/{}/messages/{id}", conversation.conversation_id),
        });
        Ok(Done::answer(answer).then(webhook))
    };
    platform.done("agent-message", &incoming, work).await
}

pub(super) async fn agent_typing(
    State(platform): State<Arc<Platform>>,
    Path((conversation, communication)): Path<(String, String)>,
    incoming: Incoming,
) -> Response {
    let work = || {
        let conversation = platform.conversations.find(&conversation, &communication)?;
        let typing: Typing = incoming.read()?;
        let enabled = platform.has_typing(&conversation.integration_id, "outbound");
        let webhook = enabled.then(|| Webhook::typing(&conversation, typing.typing.duration));
        Ok(Done::empty(StatusCode::ACCEPTED).then(webhook))
    };
    platform.done("agent-typing", &incoming, work).await
}
