//! Messages from customers.

use super::contacts::Addressee;
use super::email::{self, EmailFields};
use super::response::{body_of, check_added, id};
use super::{Call, Client, RetryMode};
use crate::model::channel::Channel;
use crate::model::inbound::{InboundCall, InboundMessage};
use crate::platform::highlevel::config::Config;
use crate::platform::transport::{ApiResponse, platform_time};
use crate::platform::{ApiError, InboundAccepted};
use http::Method;
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

/// The body of `POST /conversations/messages/inbound`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct NewInbound<'m> {
    r#type: Channel,
    contact_id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_provider_id: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(flatten)]
    email: EmailFields<'m>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<&'m Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'m InboundCall>,
    alt_id: &'m str,
    /// Without it, the platform treats the message as outbound.
    direction: &'static str,
    date: String,
}

/// The ids of the message. A success without its id is a refusal: the platform added nothing.
fn accepted(response: &ApiResponse) -> Result<InboundAccepted, ApiError> {
    let body = body_of(response)?;
    check_added(response, &body, &["messageId"])?;
    Ok(InboundAccepted {
        id: id(&body, "messageId"),
        conversation_id: id(&body, "conversationId"),
        contact_id: id(&body, "contactId"),
        email_message_id: id(&body, "emailMessageId"),
    })
}

impl<'m> NewInbound<'m> {
    /// Without the contact.
    ///
    /// # Errors
    /// The message has a field that the platform does not support, or lacks one.
    fn new(config: &'m Config, message: &'m InboundMessage) -> Result<Self, ApiError> {
        let InboundMessage { meta, email, call, attachments, conversation_id, channel, .. } = message;
        let provider = config.conversation_provider_id.as_deref();
        let channel = channel.unwrap_or(match (call, email, provider) {
            (Some(_), _, _) => Channel::Call,
            // The platform adds an email of a further provider to the channel of the default one, unless it is `Custom`.
            (None, Some(_), Some(_)) => Channel::Custom,
            (None, Some(_), None) => Channel::Email,
            (None, None, _) => Channel::Sms,
        });
        match channel {
            Channel::Call if call.is_none() => {
                return Err(ApiError::invalid_field("/call", "is required for the channel `Call`"));
            }
            Channel::Call | Channel::Custom if provider.is_none() => {
                let detail =
                    format!("`{}` needs `conversationProviderId` in the integration's configuration", channel.as_str());
                return Err(ApiError::invalid_field("/channel", &detail));
            }
            _ if call.is_some() && !channel.is_call() => {
                return Err(ApiError::invalid_field("/channel", "must be a kind of call for a `call`"));
            }
            _ if email.is_some() => email::check_channel(channel)?,
            _ => {}
        }
        let has_provider = matches!(channel, Channel::Sms | Channel::Custom | Channel::Call);
        Ok(Self {
            r#type: channel,
            contact_id: "",
            conversation_id: conversation_id.as_deref(),
            conversation_provider_id: provider.filter(|_| has_provider),
            message: text(message),
            email: email.as_ref().map(EmailFields::from).unwrap_or_default(),
            attachments: attachments.iter().map(|attachment| &attachment.url).collect(),
            call: call.as_ref(),
            alt_id: &meta.message_id,
            direction: "inbound",
            date: platform_time(meta.time),
        })
    }
}

/// The text and, because the platform has no captions, the texts of the files.
fn text(message: &InboundMessage) -> Option<String> {
    let captions = message.attachments.iter().filter_map(|attachment| attachment.text.as_deref());
    let mut texts: Vec<&str> = Vec::new();
    for text in message.text.as_deref().into_iter().chain(captions) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
}

impl Client {
    /// Posts a customer's message. It is not retried if the platform may have accepted it: nothing documents that the
    /// platform deduplicates by `altId`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_message(
        &self,
        config: &Config,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        let body = &NewInbound::new(config, message)?;
        let post = |contact_id: String| async move {
            let body = NewInbound { contact_id: &contact_id, ..body.clone() };
            let path = ["conversations", "messages", "inbound"];
            let call = Call::new(Method::POST, &path, &body, &config.api_version, RetryMode::IfNotSent)?;
            let accepted = self.call(config, &call, accepted, deadline).await?;
            let contact_id = accepted.contact_id.or(Some(contact_id));
            Ok(InboundAccepted { contact_id, ..accepted })
        };
        self.with_contact(config, &Addressee::from(&message.meta.from), deadline, post).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<InboundAccepted, ApiError> {
        let body = Ok(body.to_string().into_bytes());
        accepted(&ApiResponse { status: StatusCode::CREATED, headers: HeaderMap::new(), body })
    }

    #[test]
    fn a_success_that_added_no_message_is_a_refusal() {
        for (body, message) in [
            (json!({"success": false, "message": "no such contact", "messageId": "m"}), "no such contact"),
            (json!({"success": true, "conversationId": "c"}), "The platform added no message."),
            (json!({}), "The platform added no message."),
        ] {
            let refused = read(&body);
            let Err(ApiError::Refused(error)) = refused else { panic!("{refused:?}") };
            assert_eq!((201, Some(message)), (error.status, error.message.as_deref()));
        }
    }

    #[test]
    fn the_ids_of_an_added_message_are_read() {
        for more in [json!({"success": true}), json!({"success": null}), json!({})] {
            let mut body = json!({
                "messageId": "m", "conversationId": "c", "contactId": "k", "emailMessageId": "e", "message": "added",
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let posted = serde_json::to_value(read(&body).unwrap()).unwrap();
            let ids = json!({"id": "m", "conversationId": "c", "contactId": "k", "emailMessageId": "e"});
            assert_eq!(ids, posted, "{more}");
        }
    }

    #[test]
    fn members_that_are_null_or_of_another_type_leave_the_message_added() {
        for (body, ids) in [
            (json!({"messageId": "m", "success": "true", "message": ["added"]}), json!({"id": "m"})),
            (json!({"messageId": 17, "conversationId": null, "contactId": {}}), json!({"id": "17"})),
            (json!({"messageId": ["m"], "conversationId": "c"}), json!({"conversationId": "c"})),
        ] {
            assert_eq!(ids, serde_json::to_value(read(&body).unwrap()).unwrap(), "{body}");
        }
    }
}
