//! Messages from customers.

use super::{Address, Channel, Client};
use crate::json::fields::FieldError;
use crate::model::inbound::{self, InboundAttachment, InboundEmail, InboundMessage};
use crate::platform::multicloud_cx::config::Config;
use crate::platform::{ApiError, InboundAccepted};
use serde::Serialize;
use tokio::time::Instant;

/// A customer's message. Its format is not fully documented and is inferred from that of the webhooks.
#[derive(Serialize)]
pub(super) struct InboundPayload<'m> {
    channel: Channel<'m>,
    #[serde(flatten)]
    body: Body<'m>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Body<'m> {
    Text {
        text: &'m str,
    },
    Email {
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'m str>,
        content: Vec<Part<'m>>,
    },
    RichMedia {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'m str>,
        content: Vec<Part<'m>>,
    },
}

/// A part of the content. The format for a file is inferred from the platform's response to an upload. The platform's own
/// file store accepts only bytes, so the URL is passed on.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Part<'m> {
    Text {
        text: &'m str,
    },
    Html {
        text: &'m str,
    },
    Media {
        url: &'m str,
        mimetype: &'m str,
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'m str>,
    },
}

impl<'m> InboundPayload<'m> {
    /// # Errors
    /// The message has a field that the platform does not support.
    pub(super) fn new(config: &'m Config, message: &'m InboundMessage) -> Result<Self, ApiError> {
        let InboundMessage { meta, text, email, attachments, channel: named, .. } = message;
        if *named == Some(inbound::Channel::Custom) {
            return Err(ApiError::unsupported_field("/channel"));
        }
        let text = text.as_deref();
        let media: Vec<_> = attachments.iter().map(Part::from).collect();
        let body = match (named, email) {
            (Some(inbound::Channel::Sms), Some(_)) => {
                let detail = "must be `Email` for an email".to_owned();
                return Err(ApiError::InvalidRequest(FieldError::new("/channel", detail)));
            }
            (Some(inbound::Channel::Email), None) => Body::email(None, text, None, media),
            (_, Some(InboundEmail { subject, html })) => Body::email(subject.as_deref(), text, html.as_deref(), media),
            (_, None) if media.is_empty() => Body::Text { text: text.unwrap_or_default() },
            (_, None) => Body::RichMedia { text, content: media },
        };
        let channel = Channel {
            channel_type: Some(if matches!(body, Body::Email { .. }) { "email" } else { "sms" }),
            from: Address { id: &meta.from.id },
            to: Address { id: &config.channel_id },
            message_id: &meta.message_id,
        };
        Ok(Self { channel, body })
    }
}

impl<'m> Body<'m> {
    fn email(subject: Option<&'m str>, text: Option<&'m str>, html: Option<&'m str>, media: Vec<Part<'m>>) -> Self {
        let words = [text.map(|text| Part::Text { text }), html.map(|text| Part::Html { text })];
        Self::Email { subject, content: words.into_iter().flatten().chain(media).collect() }
    }
}

impl<'m> From<&'m InboundAttachment> for Part<'m> {
    fn from(file: &'m InboundAttachment) -> Self {
        Self::Media { url: file.url.as_str(), mimetype: &file.mime, filename: file.filename.as_deref() }
    }
}

impl Client {
    /// Posts a customer's message. It is not retried if the platform may have accepted it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_inbound_message(
        &self,
        config: &Config,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<InboundAccepted, ApiError> {
        let answer = self
            .post(config, vec![InboundPayload::new(config, message)?], message.trace_id.as_ref(), false, deadline)
            .await?;
        Ok(InboundAccepted { id: answer.ids.into_iter().next(), conversation_id: None })
    }
}
