//! What an agent, or somebody on behalf of one, says in a conversation.

use super::{Call, Client};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, SentMessage};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// The longest id of a conversation or communication; the platform's are UUIDs.
const MAXIMUM_ID_BYTES: usize = 64;

/// The id of a conversation or of a communication in it: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationId(String);

/// The text is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAXIMUM_ID_BYTES} letters, digits or hyphens")]
pub struct InvalidConversationId;

impl FromStr for ConversationId {
    type Err = InvalidConversationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = (1..=MAXIMUM_ID_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidConversationId) }
    }
}

impl ConversationId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where an agent speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Communication {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The agent's part in it.
    pub communication_id: ConversationId,
}

impl Communication {
    /// The path of something that belongs to it.
    pub(super) fn path<'c>(&'c self, rest: &[&'c str]) -> Vec<&'c str> {
        let own = ["api", "v2", "conversations", "messages", &self.conversation_id.0, "communications"];
        [own.as_slice(), &[&self.communication_id.0], rest].concat()
    }
}

/// What is said: one of the three, as the platform wants it (`AdditionalMessage`).
#[derive(Serialize)]
#[serde(untagged)]
pub enum AgentMessage<'m> {
    /// A text.
    #[serde(rename_all = "camelCase")]
    Text {
        /// The text.
        text_body: &'m str,
    },
    /// A file that was uploaded and found valid.
    #[serde(rename_all = "camelCase")]
    Media {
        /// The upload's id.
        media_ids: [&'m str; 1],
    },
    /// A message made from a template.
    #[serde(rename_all = "camelCase")]
    Template {
        /// Which, and what goes into it: `SendMessagingTemplateRequest`.
        messaging_template: &'m Map<String, Value>,
    },
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
    /// Sends a message for an agent. It is not repeated where the platform may have taken it.
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
        let path = communication.path(&["messages"]);
        self.call(config, &Call::post(&path, message)?, deadline).await
    }

    /// Says that an agent is typing, for so long. It is not repeated: later it would not be true.
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
        let path = communication.path(&["typing"]);
        self.call(config, &Call::post(&path, &body)?, deadline).await.map(|IgnoredAny| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_letters_digits_and_hyphens() {
        for good in ["5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee", "a", &"x".repeat(64)] {
            assert!(good.parse::<ConversationId>().is_ok(), "{good}");
        }
        for bad in ["", "..", "a/b", "a%2Fb", "ä", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ConversationId>().is_err(), "{bad}");
        }
    }
}
