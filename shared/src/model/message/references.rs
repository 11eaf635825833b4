//! Which other messages a message refers to.

use serde::Serialize;

/// The ids of other messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct References {
    /// The platform's id of the first message, if a user has retried one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_message_id: Option<String>,
    /// The caller's own id of the customer's message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_alt_id: Option<String>,
    /// The platform's id of the message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_message_id: Option<String>,
}
