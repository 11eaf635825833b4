//! An event of a conversation on the queue.

use crate::json::fields::FieldError;
use crate::model::conversation::{CustomerAddress, EventContent};
use crate::model::message::Message;
use crate::model::platform_name::PlatformName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event of a conversation, with what the platform does not say in it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedConversationEvent {
    pub customer: CustomerAddress,
    /// The platform's JSON, normalized.
    pub original: Box<RawValue>,
}

impl QueuedConversationEvent {
    /// Parses the event.
    ///
    /// # Errors
    /// The platform's JSON is invalid; it was valid when it was queued.
    pub(super) fn message(&self, platform: PlatformName) -> Result<Message, FieldError> {
        match platform.parse_conversation_event(self.original.get().as_bytes())?.content {
            EventContent::OfConversation { update: Some(update), .. } => Ok(update.message(platform, &self.customer)),
            EventContent::OfConversation { update: None, .. } | EventContent::Ignored(_) => {
                Err(FieldError::new("", "is not an event that is delivered"))
            }
        }
    }
}
