//! Emails, from customers and to them.

use crate::model::agentless::{AgentlessEmail, ReplyMode};
use crate::model::channel::Channel;
use crate::model::inbound::InboundEmail;
use crate::platform::ApiError;
use serde::Serialize;

/// The members of a message that only an email has.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmailFields<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_from: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_to: Option<&'m str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    email_cc: &'m [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    email_bcc: &'m [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    email_reply_mode: Option<ReplyMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_message_id: Option<&'m str>,
}

impl<'m> From<&'m AgentlessEmail> for EmailFields<'m> {
    fn from(email: &'m AgentlessEmail) -> Self {
        Self {
            subject: email.subject.as_deref(),
            html: email.html.as_deref(),
            email_from: email.from.as_deref(),
            email_to: email.to.as_deref(),
            email_cc: &email.cc,
            email_bcc: &email.bcc,
            email_reply_mode: email.reply_mode,
            email_message_id: None,
        }
    }
}

impl<'m> From<&'m InboundEmail> for EmailFields<'m> {
    fn from(email: &'m InboundEmail) -> Self {
        Self {
            subject: email.subject.as_deref(),
            html: email.html.as_deref(),
            email_from: email.from.as_deref(),
            email_to: email.to.as_deref(),
            email_cc: &email.cc,
            email_bcc: &email.bcc,
            email_reply_mode: None,
            email_message_id: email.email_message_id.as_deref(),
        }
    }
}

/// Checks that the channel takes emails.
pub(super) fn check_channel(channel: Channel) -> Result<(), ApiError> {
    match channel {
        Channel::Email | Channel::Custom => Ok(()),
        _ => Err(ApiError::invalid_field("/channel", "must be `Email` or `Custom` for an email")),
    }
}
