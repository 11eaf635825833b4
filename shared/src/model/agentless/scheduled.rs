//! Messages that are not sent yet.

use crate::json::fields::{Fields, id};

/// A scheduled message, by the platform's id of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduledMessage {
    Message(String),
    /// An email, by the id that it has as an email.
    Email(String),
}

impl ScheduledMessage {
    /// Reads a caller's request to cancel one.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let has_both = fields.has("messageId") && fields.has("emailMessageId");
        let message_id = fields.optional("messageId", id);
        let email_message_id = fields.optional("emailMessageId", id);
        if has_both {
            fields.error("emailMessageId", "cannot be combined with `messageId`");
        }
        match (message_id, email_message_id) {
            (Some(id), _) => Some(Self::Message(id)),
            (None, Some(id)) => Some(Self::Email(id)),
            (None, None) => {
                fields.error("messageId", "is required, or an `emailMessageId`");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<ScheduledMessage, Vec<String>> {
        fields::read(body, ScheduledMessage::read).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_scheduled_message_has_one_of_two_ids() {
        assert_eq!(
            Ok(ScheduledMessage::Message("m".to_owned())),
            read(json!({"messageId": "m", "emailMessageId": ""}))
        );
        assert_eq!(Ok(ScheduledMessage::Email("e".to_owned())), read(json!({"emailMessageId": "e"})));
        assert_eq!(Err(vec!["/messageId is required, or an `emailMessageId`".to_owned()]), read(json!({})));
        assert_eq!(
            Err(vec!["/emailMessageId cannot be combined with `messageId`".to_owned()]),
            read(json!({"messageId": "m", "emailMessageId": "e"}))
        );
    }
}
