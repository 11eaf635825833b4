//! Typing in the live chat.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/conversations/live-chat-agent-typing/>.

use super::{Call, Client, RetryMode};
use crate::model::inbound::InboundTyping;
use crate::platform::ApiError;
use crate::platform::highlevel::config::Config;
use http::Method;
use serde::Serialize;
use tokio::time::Instant;

/// The body of `POST /conversations/providers/live-chat/typing`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveChatTyping<'t> {
    location_id: &'t str,
    /// The published model has a text.
    is_typing: &'static str,
    visitor_id: &'t str,
    conversation_id: &'t str,
}

impl Client {
    /// Posts typing in the live chat. Whom the platform shows as typing is not documented. It is not retried: the information
    /// would be out of date.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_typing(
        &self,
        config: &Config,
        typing: &InboundTyping,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let required = |pointer| ApiError::invalid_field(pointer, "is required by this platform");
        let body = LiveChatTyping {
            location_id: &config.location_id,
            is_typing: "true",
            visitor_id: typing.visitor_id.as_deref().ok_or_else(|| required("/visitorId"))?,
            conversation_id: typing.conversation_id.as_deref().ok_or_else(|| required("/conversationId"))?,
        };
        let path = ["conversations", "providers", "live-chat", "typing"];
        let call = Call::new(Method::POST, &path, &body, &config.api_version, RetryMode::IfNotSent)?;
        self.call(config, &call, |_| Ok(()), deadline).await
    }
}
