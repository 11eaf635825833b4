//! Messages and typing indicators on behalf of an agent.

use super::{Call, Client};
use crate::model::agent::{AgentMessage, Communication};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, SentMessage};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// `AdditionalMessage`. The media ids are those of the files that belong to the text.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct AdditionalMessage<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_ids: Option<[&'m str; 1]>,
    /// `SendMessagingTemplateRequest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_template: Option<&'m Map<String, Value>>,
}

impl<'m> From<&AgentMessage<'m>> for AdditionalMessage<'m> {
    fn from(message: &AgentMessage<'m>) -> Self {
        match *message {
            AgentMessage::Text(text) => Self { text_body: Some(text), ..Self::default() },
            AgentMessage::Media { id, text } => Self { text_body: text, media_ids: Some([id]), ..Self::default() },
            AgentMessage::Template(template) => Self { messaging_template: Some(template), ..Self::default() },
        }
    }
}

/// `MessageTypingEventRequest`.
#[derive(Serialize)]
struct TypingEvent {
    typing: Typing,
}

/// `ConversationEventTyping`.
#[derive(Serialize)]
struct Typing {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
}

impl Client {
    /// Sends a message on behalf of an agent. It is not retried if the platform may have accepted it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agent_message(
        &self,
        config: &Config,
        communication: &Communication,
        message: &AgentMessage<'_>,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        let path = communication_path(communication, &["messages"]);
        self.call(config, &Call::post(&path, &AdditionalMessage::from(message))?, deadline).await
    }

    /// Posts that an agent is typing. It is not retried: the information would be out of date.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_agent_typing(
        &self,
        config: &Config,
        communication: &Communication,
        duration: Option<Duration>,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let duration = duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
        let body = TypingEvent { typing: Typing { r#type: "On", duration } };
        let path = communication_path(communication, &["typing"]);
        self.call(config, &Call::post(&path, &body)?, deadline).await.map(|IgnoredAny| ())
    }
}

/// The path of a resource of a communication.
pub(super) fn communication_path<'c>(communication: &'c Communication, rest: &[&'c str]) -> Vec<&'c str> {
    let Communication { conversation_id, communication_id } = communication;
    let parent = ["api", "v2", "conversations", "messages", conversation_id.as_str(), "communications"];
    [parent.as_slice(), &[communication_id.as_str()], rest].concat()
}
