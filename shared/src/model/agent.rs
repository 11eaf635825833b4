//! Messages that are sent on behalf of an agent.

use serde_json::{Map, Value};
use std::str::FromStr;

/// The longest id of a conversation or communication. Genesys Cloud's are UUIDs.
const MAX_ID_BYTES: usize = 64;

/// The id of a conversation or of a communication in it: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationId(String);

/// The text is not a valid id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_ID_BYTES} letters, digits or hyphens")]
pub struct InvalidConversationId;

impl FromStr for ConversationId {
    type Err = InvalidConversationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = (1..=MAX_ID_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidConversationId) }
    }
}

impl ConversationId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The agent's leg of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Communication {
    pub conversation_id: ConversationId,
    /// The agent's connection to it.
    pub communication_id: ConversationId,
}

/// The longest text of an agent's message, in characters.
///
/// Source: `AdditionalMessage` in the vendor's client library.
pub const MAX_TEXT: usize = 2_000;

/// The content of an agent's message.
pub enum AgentMessage<'m> {
    Text(&'m str),
    /// A file, with or without a text.
    Media {
        /// The id of the file, which was uploaded and found valid.
        id: &'m str,
        text: Option<&'m str>,
    },
    /// A template and its parameters.
    Template(&'m Map<String, Value>),
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
