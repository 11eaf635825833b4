//! Messages, button responses and typing events from customers.

use super::{Call, Client, platform_time};
use crate::model::inbound::{
    Choice, Customer, InboundAttachment, InboundMessage, InboundMeta, InboundResponse, InboundTyping,
};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, InboundAccepted};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// `OpenInboundNormalizedMessage`.
#[derive(Serialize)]
struct OpenMessage<'m> {
    channel: Channel<'m>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'m str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content: Vec<Content<'m>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'m BTreeMap<String, String>,
}

/// `OpenInboundMessageContent`.
#[derive(Serialize)]
struct Content<'m> {
    attachment: &'m InboundAttachment,
}

/// `OpenInboundStructuredResponseMessage`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenResponse<'m> {
    channel: Channel<'m>,
    button_response: &'m Choice,
    originating_message_id: &'m str,
}

/// `OpenInboundNormalizedEvent`.
#[derive(Serialize)]
struct OpenEvents<'m> {
    channel: Channel<'m>,
    events: [OpenEvent; 1],
}

/// `OpenEvent`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenEvent {
    event_type: &'static str,
}

/// `OpenInboundMessageMessagingChannel`; without the id for an event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'m> {
    from: &'m Customer,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'m>>,
}

/// The participant's attributes. This is common practice, but not part of the documented model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'m> {
    custom_attributes: &'m BTreeMap<String, String>,
}

impl<'m> From<&'m InboundMeta> for Channel<'m> {
    fn from(meta: &'m InboundMeta) -> Self {
        let attributes = Some(&meta.custom_attributes).filter(|attributes| !attributes.is_empty());
        Self {
            from: &meta.from,
            time: platform_time(meta.time),
            message_id: Some(&meta.message_id),
            metadata: attributes.map(|custom_attributes| Metadata { custom_attributes }),
        }
    }
}

impl Client {
    /// Posts a customer's message. Retries have the same id and time, by which the platform deduplicates.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_message(
        &self,
        config: &Config,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        let body = OpenMessage {
            channel: (&message.meta).into(),
            text: message.text.as_deref(),
            content: message.attachments.iter().map(|attachment| Content { attachment }).collect(),
            metadata: &message.metadata,
        };
        let path = inbound(config, "message");
        let call = Call::post(&path, &body)?.idempotent();
        let call = if message.prefetch_conversation_id {
            call.with_query(&[("prefetchConversationId", "true")])
        } else {
            call
        };
        self.call(config, &call, deadline).await
    }

    /// Posts a customer's choice. Retries have the same id and time, by which the platform deduplicates.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_response(
        &self,
        config: &Config,
        response: &InboundResponse,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        let body = OpenResponse {
            channel: (&response.meta).into(),
            button_response: &response.choice,
            originating_message_id: &response.originating_message_id,
        };
        let path = [inbound(config, "structured").as_slice(), &["response"]].concat();
        self.call(config, &Call::post(&path, &body)?.idempotent(), deadline).await
    }

    /// Posts that a customer is typing. It is not retried: the information would be out of date.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_typing(
        &self,
        config: &Config,
        typing: &InboundTyping,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        for (member, pointer) in [(&typing.conversation_id, "/conversationId"), (&typing.visitor_id, "/visitorId")] {
            if member.is_some() {
                return Err(ApiError::unsupported_field(pointer));
            }
        }
        let channel =
            Channel { from: &typing.from, time: platform_time(typing.time), message_id: None, metadata: None };
        let body = OpenEvents { channel, events: [OpenEvent { event_type: "Typing" }] };
        let path = inbound(config, "event");
        self.call(config, &Call::post(&path, &body)?, deadline).await.map(|IgnoredAny| ())
    }
}

fn inbound<'c>(config: &'c Config, what: &'c str) -> [&'c str; 8] {
    ["api", "v2", "conversations", "messages", &config.integration_id, "inbound", "open", what]
}
