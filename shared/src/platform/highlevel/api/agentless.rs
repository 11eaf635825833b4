//! Messages to customers without an agent, and the cancellation of scheduled ones.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/conversations/send-a-new-message/>.

use super::contacts::{Addressee, ContactName};
use super::email::{self, EmailFields};
use super::response::{body_of, check_added, id, id_of};
use super::{Call, Client, RetryMode};
use crate::model::agentless::{AgentlessDetails, AgentlessMessage, MessengerType, ScheduledMessage};
use crate::model::channel::Channel;
use crate::model::message::IdType;
use crate::platform::highlevel::config::Config;
use crate::platform::transport::ApiResponse;
use crate::platform::{ApiError, SentMessage};
use http::Method;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

/// The body of `POST /conversations/messages`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct NewMessage<'m> {
    r#type: Channel,
    contact_id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'m str>,
    #[serde(flatten)]
    email: EmailFields<'m>,
    #[serde(skip_serializing_if = "<[Url]>::is_empty")]
    attachments: &'m [Url],
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_message_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_timestamp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_number: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_number: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_provider_id: Option<&'m str>,
}

/// The ids of the message. A success without any of them is a refusal: the platform sent nothing.
fn sent(response: &ApiResponse) -> Result<SentMessage, ApiError> {
    let body = body_of(response)?;
    check_added(response, &body, &["messageId", "messageIds", "emailMessageId", "conversationId"])?;
    let first_of_several = || body.get("messageIds").and_then(Value::as_array)?.iter().find_map(id_of);
    Ok(SentMessage {
        id: id(&body, "messageId").or_else(first_of_several),
        conversation_id: id(&body, "conversationId"),
        email_message_id: id(&body, "emailMessageId"),
        ..SentMessage::default()
    })
}

impl<'m> NewMessage<'m> {
    /// Without the contact.
    ///
    /// # Errors
    /// The message has a field that the platform does not support, or lacks one.
    fn new(config: &'m Config, message: &'m AgentlessMessage) -> Result<Self, ApiError> {
        let AgentlessMessage {
            to_address,
            external_contact_id,
            to_address_messenger_type,
            text_body,
            messaging_template,
            use_existing_active_conversation,
            details,
        } = message;
        let AgentlessDetails {
            channel: _,
            email,
            attachments,
            template_id,
            thread_id,
            reply_message_id,
            scheduled_timestamp,
            from_number,
            conversation_provider_id,
        } = details;
        if messaging_template.is_some() {
            return Err(ApiError::unsupported_field("/messagingTemplate"));
        }
        if *use_existing_active_conversation == Some(false) {
            let detail = "must be true on this platform, which has one conversation with each contact";
            return Err(ApiError::invalid_field("/useExistingActiveConversation", detail));
        }
        let channel = channel(*to_address_messenger_type, details)?;
        if email.is_some() {
            email::check_channel(channel)?;
        }
        let own_provider = config.conversation_provider_id.as_deref().filter(|_| channel == Channel::Custom);
        let provider = conversation_provider_id.as_deref().or(own_provider);
        if channel == Channel::Custom && provider.is_none() {
            let detail = "is required for the channel `Custom`, here or in the integration's configuration";
            return Err(ApiError::invalid_field("/conversationProviderId", detail));
        }
        let (mut email_fields, mut to_number) = (email.as_ref().map(EmailFields::from).unwrap_or_default(), None);
        let is_number_channel = matches!(channel, Channel::Sms | Channel::Rcs | Channel::WhatsApp);
        let is_email_channel = channel == Channel::Email || email.is_some();
        match to_address.as_deref() {
            Some(number) if is_number_channel && !is_email(number) => to_number = Some(number),
            Some(address) if is_email_channel && is_email(address) && is_same(email_fields.email_to, address) => {
                email_fields.email_to = Some(address);
            }
            // The contact is not looked up by the address, which would have no effect.
            Some(_) if external_contact_id.is_some() => {
                let detail =
                    "is not an address that this message can be sent to; the contact has an `externalContactId`";
                return Err(ApiError::invalid_field("/toAddress", detail));
            }
            _ => {}
        }
        Ok(Self {
            r#type: channel,
            contact_id: "",
            message: text_body.as_deref(),
            email: email_fields,
            attachments,
            template_id: template_id.as_deref(),
            thread_id: thread_id.as_deref(),
            reply_message_id: reply_message_id.as_deref(),
            scheduled_timestamp: *scheduled_timestamp,
            from_number: from_number.as_deref(),
            to_number,
            conversation_provider_id: provider,
        })
    }
}

/// The channel, by its own name or by that of a messenger; by default email or SMS.
fn channel(messenger: MessengerType, details: &AgentlessDetails) -> Result<Channel, ApiError> {
    let by_messenger = match messenger {
        MessengerType::Open => None,
        MessengerType::Sms => Some(Channel::Sms),
        MessengerType::WhatsApp | MessengerType::WebMessaging | MessengerType::Apple => {
            return Err(ApiError::unsupported_field("/toAddressMessengerType"));
        }
    };
    let by_content = if details.email.is_some() { Channel::Email } else { Channel::Sms };
    match (details.channel, by_messenger) {
        (Some(channel), Some(other)) if channel != other => {
            Err(ApiError::invalid_field("/toAddressMessengerType", "is another channel than `channel`"))
        }
        (channel, by_messenger) => Ok(channel.or(by_messenger).unwrap_or(by_content)),
    }
}

/// Whether `address` is the recipient that the email names, if it names one.
fn is_same(named: Option<&str>, address: &str) -> bool {
    named.is_none_or(|named| named == address)
}

/// Whether an address is that of an email; otherwise it is a phone number.
fn is_email(address: &str) -> bool {
    address.contains('@')
}

/// The contact by its id, else by its address.
fn addressee(message: &AgentlessMessage) -> Result<Addressee<'_>, ApiError> {
    let (id, id_type) = match (&message.external_contact_id, &message.to_address) {
        (Some(id), _) => (id, &IdType::Opaque),
        (None, Some(address)) if is_email(address) => (address, &IdType::Email),
        (None, Some(number)) => (number, &IdType::Phone),
        (None, None) => return Err(ApiError::invalid_field("/toAddress", "is required")),
    };
    Ok(Addressee { id, id_type, name: ContactName::default() })
}

impl Client {
    /// Sends a message. It is not retried if the platform may have accepted it, because the platform does not deduplicate.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send_agentless(
        &self,
        config: &Config,
        message: &AgentlessMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        let body = &NewMessage::new(config, message)?;
        let send = |contact_id: String| async move {
            let body = NewMessage { contact_id: &contact_id, ..body.clone() };
            let path = ["conversations", "messages"];
            let call = Call::new(Method::POST, &path, &body, &config.api_version, RetryMode::IfNotSent)?;
            let sent = self.call(config, &call, sent, deadline).await?;
            Ok(SentMessage { contact_id: Some(contact_id), ..sent })
        };
        self.with_contact(config, &addressee(message)?, deadline, send).await
    }

    /// Cancels a scheduled message. This is idempotent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn cancel_agentless(
        &self,
        config: &Config,
        message: &ScheduledMessage,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let path: &[&str] = match message {
            ScheduledMessage::Message(id) => &["conversations", "messages", id, "schedule"],
            ScheduledMessage::Email(id) => &["conversations", "messages", "email", id, "schedule"],
        };
        let call = Call::without_body(Method::DELETE, path, &config.api_version, RetryMode::Deletion);
        self.call(config, &call, |_| Ok(()), deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    fn read(body: &Value) -> Result<SentMessage, ApiError> {
        let body = Ok(body.to_string().into_bytes());
        sent(&ApiResponse { status: StatusCode::CREATED, headers: HeaderMap::new(), body })
    }

    #[test]
    fn members_that_are_null_or_of_another_type_leave_the_message_sent() {
        for (body, ids) in [
            (
                json!({"messageId": "m", "messageIds": null, "conversationId": "c"}),
                json!({"id": "m", "conversationId": "c"}),
            ),
            (json!({"messageId": 17, "messageIds": "m", "status": {}}), json!({"id": "17"})),
            (json!({"messageId": null, "messageIds": [null, "m"]}), json!({"id": "m"})),
            (json!({"messageId": {"id": "m"}, "emailMessageId": "e"}), json!({"emailMessageId": "e"})),
            (json!({"messageId": {"id": "m"}}), json!({})),
        ] {
            assert_eq!(ids, serde_json::to_value(read(&body).unwrap()).unwrap(), "{body}");
        }
    }

    #[test]
    fn a_success_without_any_id_is_a_refusal() {
        for body in [json!(null), json!({}), json!({"messageId": null, "msg": "ok"}), json!({"messageId": " "})] {
            assert!(matches!(read(&body), Err(ApiError::Refused(error)) if error.status == 201), "{body}");
        }
    }
}
