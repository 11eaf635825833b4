//! Messages from customers.

use super::{Call, Client, RetryMode};
use crate::model::inbound::{Channel, InboundMessage};
use crate::platform::highlevel::config::Config;
use crate::platform::transport::platform_time;
use crate::platform::{ApiError, InboundAccepted, PlatformError};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

/// The body of `POST /conversations/messages/inbound`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewInbound<'m> {
    r#type: Channel,
    conversation_id: &'m str,
    contact_id: &'m str,
    conversation_provider_id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'m str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<&'m Url>,
    alt_id: &'m str,
    /// Without it, the platform treats the message as outbound.
    direction: &'static str,
    date: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    success: Option<bool>,
    message: Option<String>,
    conversation_id: Option<String>,
    message_id: Option<String>,
}

impl Response {
    /// The result. A success status with `success: false` in the body is an error.
    fn result(self) -> Result<InboundAccepted, ApiError> {
        match self.success {
            Some(false) => Err(ApiError::Refused(PlatformError {
                status: StatusCode::OK.as_u16(),
                message: self.message,
                ..PlatformError::default()
            })),
            Some(true) | None => Ok(InboundAccepted { id: self.message_id, conversation_id: self.conversation_id }),
        }
    }
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
        let Some(conversation_provider_id) = &config.conversation_provider_id else {
            return Err(ApiError::invalid_field(
                "",
                "needs `conversationProviderId` in the integration's configuration",
            ));
        };
        let Some(conversation_id) = &message.conversation_id else {
            return Err(ApiError::invalid_field("/conversationId", "is required by this platform"));
        };
        let email = message.email.as_ref();
        let by_content = if email.is_some() { Channel::Email } else { Channel::Sms };
        let body = NewInbound {
            r#type: message.channel.unwrap_or(by_content),
            conversation_id,
            contact_id: &message.meta.from.id,
            conversation_provider_id,
            message: message.text.as_deref(),
            html: email.and_then(|email| email.html.as_deref()),
            subject: email.and_then(|email| email.subject.as_deref()),
            attachments: message.attachments.iter().map(|attachment| &attachment.url).collect(),
            alt_id: &message.meta.message_id,
            direction: "inbound",
            date: platform_time(message.meta.time),
        };
        let path = ["conversations", "messages", "inbound"];
        let call = Call::new(Method::POST, &path, &body, RetryMode::IfNotSent)?;
        self.call(config, &call, Response::result, deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(answer: Value) -> Result<InboundAccepted, ApiError> {
        serde_json::from_value::<Response>(answer).unwrap().result()
    }

    #[test]
    fn a_response_that_says_that_it_did_not_succeed_is_a_rejection() {
        let refused = read(json!({"success": false, "message": "no such contact"}));
        let Err(ApiError::Refused(error)) = refused else { panic!("{refused:?}") };
        assert_eq!((200, Some("no such contact")), (error.status, error.message.as_deref()));
    }

    #[test]
    fn any_other_response_with_a_success_status_is_a_success() {
        for more in [json!({"success": true}), json!({"success": null}), json!({})] {
            let mut answer = json!({"messageId": "m", "conversationId": "c"});
            answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let posted = read(answer).unwrap();
            assert_eq!((Some("m"), Some("c")), (posted.id.as_deref(), posted.conversation_id.as_deref()), "{more}");
        }
    }
}
