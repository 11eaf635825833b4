//! Messages from customers.

use super::{Address, Channel, Client};
use crate::json::fields::FieldError;
use crate::model::channel;
use crate::model::inbound::{InboundAttachment, InboundEmail, InboundMessage};
use crate::platform::multicloud_cx::config::Config;
use crate::platform::{ApiError, InboundAccepted};
use serde::Serialize;
use std::borrow::Cow;
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
        text: Cow<'m, str>,
    },
    Email {
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'m str>,
        content: Vec<Part<'m>>,
    },
    RichMedia {
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Cow<'m, str>>,
        content: Vec<Part<'m>>,
    },
}

/// A part of the content. The format for a file is inferred from the platform's response to an upload.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Part<'m> {
    Text {
        text: Cow<'m, str>,
    },
    Html {
        text: Cow<'m, str>,
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
        if !matches!(named, None | Some(channel::Channel::Sms | channel::Channel::Email)) {
            return Err(ApiError::unsupported_field("/channel"));
        }
        let lines: Vec<_> = attachments.iter().flat_map(|file| added_lines(config, file)).collect();
        let has_html = email.as_ref().is_some_and(|email| email.html.is_some());
        let text = match text.as_deref() {
            // The platform shows the HTML, which has the lines.
            None if has_html => None,
            text => with_lines(text, &lines),
        };
        let media: Vec<_> = attachments.iter().filter_map(|file| Part::media(config, file)).collect();
        let body = match (named, email) {
            (Some(channel::Channel::Sms), Some(_)) => {
                let detail = "must be `Email` for an email".to_owned();
                return Err(ApiError::InvalidRequest(FieldError::new("/channel", detail)));
            }
            (Some(channel::Channel::Email), None) => Body::email(None, text, None, media),
            (_, Some(InboundEmail { subject, html, .. })) => {
                let html = html.as_deref().map(|html| with_paragraphs(html, &lines));
                Body::email(subject.as_deref(), text, html, media)
            }
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
    fn email(
        subject: Option<&'m str>,
        text: Option<Cow<'m, str>>,
        html: Option<Cow<'m, str>>,
        media: Vec<Part<'m>>,
    ) -> Self {
        let words = [text.map(|text| Part::Text { text }), html.map(|text| Part::Html { text })];
        Self::Email { subject, content: words.into_iter().flatten().chain(media).collect() }
    }
}

impl<'m> Part<'m> {
    /// The file under its URL on the platform, or under its own if files are not uploaded. `None` if the text names it.
    fn media(config: &Config, file: &'m InboundAttachment) -> Option<Self> {
        let url = file.uploaded.as_ref().or((!config.upload_files).then_some(&file.url))?;
        Some(Self::Media { url: url.as_str(), mimetype: &file.mime, filename: file.filename.as_deref() })
    }
}

/// What a file adds to the text: its caption, and its URL if it is a link or the platform refused the upload. Nothing
/// documents that the platform fetches a URL of another host.
fn added_lines<'m>(config: &Config, file: &'m InboundAttachment) -> impl Iterator<Item = &'m str> {
    let is_named = config.upload_files && file.uploaded.is_none();
    file.text.as_deref().into_iter().chain(is_named.then_some(file.url.as_str()))
}

fn with_lines<'m>(text: Option<&'m str>, lines: &[&'m str]) -> Option<Cow<'m, str>> {
    match (text, lines) {
        (text, []) => text.map(Cow::Borrowed),
        (text, lines) => Some(text.into_iter().chain(lines.iter().copied()).collect::<Vec<_>>().join("\n").into()),
    }
}

fn with_paragraphs<'m>(html: &'m str, lines: &[&str]) -> Cow<'m, str> {
    let escaped = |line: &str| line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    match lines {
        [] => Cow::Borrowed(html),
        lines => lines.iter().fold(html.to_owned(), |html, line| html + "<p>" + &escaped(line) + "</p>").into(),
    }
}

/// Checks that the platform accepts the message.
///
/// # Errors
/// The message has a field that the platform does not support.
pub(in crate::platform::multicloud_cx) fn check_inbound_message(
    config: &Config,
    message: &InboundMessage,
) -> Result<(), ApiError> {
    InboundPayload::new(config, message).map(drop)
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
            .post_messages(
                config,
                vec![InboundPayload::new(config, message)?],
                message.trace_id.as_ref(),
                false,
                deadline,
            )
            .await?;
        Ok(InboundAccepted { id: answer.ids.into_iter().next(), ..InboundAccepted::default() })
    }
}
