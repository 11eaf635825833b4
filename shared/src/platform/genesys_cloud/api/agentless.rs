//! Agentless outbound messages.
//!
//! Source: <https://developer.genesys.cloud/commdigital/digital/agentless>.

use super::{Call, Client};
use crate::model::agentless::{AgentlessMessage, MessengerType};
use crate::platform::genesys_cloud::config::Config;
use crate::platform::{ApiError, SentMessage};
use serde::Serialize;
use tokio::time::Instant;

/// The longest text, in characters.
pub(crate) const MAX_TEXT: usize = 2_000;

/// The longest text of an SMS, in characters.
const MAX_SMS_TEXT: usize = 765;

/// `SendAgentlessOutboundMessageRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentlessRequest<'b> {
    from_address: &'b str,
    #[serde(flatten)]
    message: &'b AgentlessMessage,
}

/// Checks what the messenger requires and accepts, by the texts of `SendAgentlessOutboundMessageRequest` in the vendor's
/// client library.
fn check(message: &AgentlessMessage) -> Result<(), ApiError> {
    if let Some(pointer) = message.details.pointer() {
        return Err(ApiError::unsupported_field(pointer));
    }
    check_recipient(message)?;
    check_content(message)?;
    let is_sms = message.to_address_messenger_type == MessengerType::Sms;
    let maximum = if is_sms { MAX_SMS_TEXT } else { MAX_TEXT };
    match &message.text_body {
        Some(text) if text.chars().count() > maximum => {
            Err(ApiError::invalid_field("/textBody", &format!("must have at most {maximum} characters")))
        }
        _ => Ok(()),
    }
}

fn check_recipient(message: &AgentlessMessage) -> Result<(), ApiError> {
    let address = ("/toAddress", message.to_address.is_some());
    let external_contact = ("/externalContactId", message.external_contact_id.is_some());
    let (required, unsupported) = match message.to_address_messenger_type {
        MessengerType::Open | MessengerType::Sms => return Ok(()),
        MessengerType::WhatsApp | MessengerType::Apple => (address, external_contact),
        MessengerType::WebMessaging => (external_contact, address),
    };
    match (required, unsupported) {
        ((pointer, false), _) => Err(ApiError::invalid_field(pointer, "is required for this toAddressMessengerType")),
        (_, (pointer, true)) => {
            Err(ApiError::invalid_field(pointer, "is not supported for this toAddressMessengerType"))
        }
        _ => Ok(()),
    }
}

fn check_content(message: &AgentlessMessage) -> Result<(), ApiError> {
    let (has_text, has_template) = (message.text_body.is_some(), message.messaging_template.is_some());
    let (pointer, detail) = match (message.to_address_messenger_type, has_text, has_template) {
        (MessengerType::Open, _, true) => ("/messagingTemplate", "is not for open messages, which are text only"),
        (MessengerType::Open | MessengerType::Sms, false, _) => ("/textBody", "is required"),
        (MessengerType::WhatsApp, _, false) => ("/messagingTemplate", "is required for this toAddressMessengerType"),
        _ => return Ok(()),
    };
    Err(ApiError::invalid_field(pointer, detail))
}

impl Client {
    /// Sends an agentless message from the integration's own address. It is not retried if the platform may have accepted
    /// it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agentless(
        &self,
        config: &Config,
        message: &AgentlessMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        check(message)?;
        let body = AgentlessRequest { from_address: &config.integration_id, message };
        let path = ["api", "v2", "conversations", "messages", "agentless"];
        self.call(config, &Call::post(&path, &body)?, deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use serde_json::{Value, json};

    /// The invalid field of a request that is valid for some platform.
    fn invalid(body: Value) -> Option<String> {
        let message = fields::read(body, AgentlessMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"));
        match check(&message) {
            Ok(()) => None,
            Err(ApiError::InvalidRequest(error)) => Some(error.to_string()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn texts_are_limited_in_characters() {
        let of = |messenger: &str, length| {
            invalid(json!({"toAddress": "c", "toAddressMessengerType": messenger, "textBody": "ä".repeat(length)}))
        };
        assert_eq!([None, None], [of("open", 2_000), of("sms", 765)]);
        assert_eq!(Some("/textBody must have at most 2000 characters".to_owned()), of("open", 2_001));
        assert_eq!(Some("/textBody must have at most 765 characters".to_owned()), of("sms", 766));
    }

    #[test]
    fn each_messenger_takes_its_own_recipients_and_contents() {
        const ADDRESS: &[&str] = &["toAddress"];
        const CONTACT: &[&str] = &["externalContactId"];
        const BOTH: &[&str] = &["toAddress", "externalContactId"];
        const TEXT: &[&str] = &["textBody"];
        const TEMPLATE: &[&str] = &["messagingTemplate"];
        const TEXT_AND_TEMPLATE: &[&str] = &["textBody", "messagingTemplate"];
        for (messenger, recipient, content, wrong) in [
            ("open", ADDRESS, TEXT, None),
            ("open", CONTACT, TEXT, None),
            ("open", BOTH, TEXT, None),
            ("open", ADDRESS, TEXT_AND_TEMPLATE, Some("/messagingTemplate")),
            ("open", ADDRESS, TEMPLATE, Some("/messagingTemplate")),
            ("sms", ADDRESS, TEXT, None),
            ("sms", CONTACT, TEXT, None),
            ("sms", ADDRESS, TEXT_AND_TEMPLATE, None),
            ("sms", ADDRESS, TEMPLATE, Some("/textBody")),
            ("whatsapp", ADDRESS, TEMPLATE, None),
            ("whatsapp", ADDRESS, TEXT_AND_TEMPLATE, None),
            ("whatsapp", ADDRESS, TEXT, Some("/messagingTemplate")),
            ("whatsapp", CONTACT, TEMPLATE, Some("/toAddress")),
            ("whatsapp", BOTH, TEMPLATE, Some("/externalContactId")),
            ("webmessaging", CONTACT, TEXT, None),
            ("webmessaging", CONTACT, TEMPLATE, None),
            ("webmessaging", ADDRESS, TEXT, Some("/externalContactId")),
            ("webmessaging", BOTH, TEXT, Some("/toAddress")),
            ("apple", ADDRESS, TEXT, None),
            ("apple", ADDRESS, TEMPLATE, None),
            ("apple", CONTACT, TEXT, Some("/toAddress")),
        ] {
            let mut body = json!({"toAddressMessengerType": messenger});
            for member in recipient.iter().chain(content) {
                body[member] = if *member == "messagingTemplate" { json!({"responseId": "r"}) } else { "x".into() };
            }
            let invalid = invalid(body.clone());
            assert_eq!(wrong, invalid.as_deref().and_then(|error| error.split(' ').next()), "{body}");
        }
    }
}
