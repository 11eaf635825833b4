//! What an agentless message may have on platforms with several channels, emails and schedules.

use crate::json::fields::{Fields, as_whole_number, https_url, id, one_of, text};
use crate::model::channel::Channel;
use crate::model::email;
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// Maximum number of files in a message.
const MAX_ATTACHMENTS: usize = 10;

#[derive(Default)]
pub struct AgentlessDetails {
    pub channel: Option<Channel>,
    pub email: Option<AgentlessEmail>,
    /// The `https` addresses of files, which the platform fetches.
    pub attachments: Vec<Url>,
    /// The platform's template.
    pub template_id: Option<String>,
    pub thread_id: Option<String>,
    /// The message that it answers.
    pub reply_message_id: Option<String>,
    /// When to send it, in seconds since 1970.
    pub scheduled_timestamp: Option<u64>,
    /// One of the company's numbers.
    pub from_number: Option<String>,
    /// In place of the integration's own.
    pub conversation_provider_id: Option<String>,
}

/// The parts of an email other than its plain text.
#[derive(Default, PartialEq)]
pub struct AgentlessEmail {
    pub subject: Option<String>,
    pub html: Option<String>,
    pub from: Option<String>,
    /// One of the customer's addresses.
    pub to: Option<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub reply_mode: Option<ReplyMode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyMode {
    Reply,
    ReplyAll,
}

const REPLY_MODES: &[(&str, ReplyMode)] = &[("reply", ReplyMode::Reply), ("reply_all", ReplyMode::ReplyAll)];

impl AgentlessDetails {
    /// Errors are recorded, and their members are absent.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let channel = fields.optional("channel", one_of(&Channel::named(Channel::OUTBOUND)));
        let email = fields.optional_object("email", AgentlessEmail::read);
        let attachments = fields.objects("attachments", |file| file.required("url", https_url)).unwrap_or_default();
        if attachments.len() > MAX_ATTACHMENTS {
            fields.error("attachments", &format!("must have at most {MAX_ATTACHMENTS} elements"));
        }
        Some(Self {
            channel,
            email: email.filter(|email| *email != AgentlessEmail::default()),
            attachments,
            template_id: fields.optional("templateId", id),
            thread_id: fields.optional("threadId", id),
            reply_message_id: fields.optional("replyMessageId", id),
            scheduled_timestamp: fields.optional("scheduledTimestamp", seconds),
            from_number: fields.optional("fromNumber", id),
            conversation_provider_id: fields.optional("conversationProviderId", id),
        })
    }

    /// Whether there is something to send besides a text.
    #[must_use]
    pub fn has_content(&self) -> bool {
        !self.attachments.is_empty()
            || self.template_id.is_some()
            || self.email.as_ref().is_some_and(|email| email.html.is_some())
    }

    /// The member that is present, by its JSON pointer in the request, for platforms that support none of them.
    #[must_use]
    pub fn pointer(&self) -> Option<&'static str> {
        let Self {
            channel,
            email,
            attachments,
            template_id,
            thread_id,
            reply_message_id,
            scheduled_timestamp,
            from_number,
            conversation_provider_id,
        } = self;
        [
            (channel.is_some(), "/channel"),
            (email.is_some(), "/email"),
            (!attachments.is_empty(), "/attachments"),
            (template_id.is_some(), "/templateId"),
            (thread_id.is_some(), "/threadId"),
            (reply_message_id.is_some(), "/replyMessageId"),
            (scheduled_timestamp.is_some(), "/scheduledTimestamp"),
            (from_number.is_some(), "/fromNumber"),
            (conversation_provider_id.is_some(), "/conversationProviderId"),
        ]
        .into_iter()
        .find_map(|(is_present, pointer)| is_present.then_some(pointer))
    }
}

impl AgentlessEmail {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (subject, html) = (fields.optional("subject", text), fields.optional("html", text));
        let (from, to) = (fields.optional("from", text), fields.optional("to", text));
        let [cc, bcc] = email::addresses(fields);
        let reply_mode = fields.optional("replyMode", one_of(REPLY_MODES));
        Some(Self { subject, html, from, to, cc, bcc, reply_mode })
    }
}

fn seconds(value: Value) -> Result<u64, String> {
    as_whole_number(&value).ok_or_else(|| "must be a whole number of seconds since 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::AgentlessMessage;
    use super::*;
    use crate::json::fields;
    use crate::json::fields::tests::blank_is_absent;
    use serde_json::json;

    /// Every member.
    fn whole() -> Value {
        json!({
            "toAddress": "ada@example.com", "textBody": "hi", "channel": "EMAIL",
            "email": {
                "subject": "s", "html": "<p>hi</p>", "from": "a@acme.example", "to": "ada@example.com",
                "cc": ["b@example.com"], "bcc": ["c@example.com"], "replyMode": "Reply_All",
            },
            "attachments": [{"url": "https://e.com/a.png"}],
            "templateId": "t", "threadId": "th", "replyMessageId": "r", "scheduledTimestamp": 1_800_000_000,
            "fromNumber": "+15555550100", "conversationProviderId": "p",
        })
    }

    fn read(body: Value) -> Result<AgentlessMessage, Vec<String>> {
        fields::read(body, AgentlessMessage::read)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn every_detail_is_read_and_a_platform_without_them_can_name_each() {
        let message = read(whole()).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(Some(Channel::Email), message.details.channel);
        let email = message.details.email.unwrap();
        assert_eq!((Some(ReplyMode::ReplyAll), vec!["b@example.com".to_owned()]), (email.reply_mode, email.cc));
        let base = json!({"toAddress": "c", "textBody": "hi"});
        assert_eq!(None, read(base.clone()).unwrap_or_else(|errors| panic!("{errors:?}")).details.pointer());
        for (name, value) in whole().as_object().unwrap() {
            let mut body = base.clone();
            let known = body.as_object_mut().unwrap().insert(name.clone(), value.clone()).is_some();
            let message = read(body).unwrap_or_else(|errors| panic!("{errors:?}"));
            assert_eq!((!known).then(|| format!("/{name}")).as_deref(), message.details.pointer(), "{name}");
        }
    }

    #[test]
    fn a_blank_detail_is_absent() {
        blank_is_absent(&whole(), &[], |body| {
            fields::read(body, AgentlessMessage::read).map(|message| message.details.pointer())
        });
    }

    #[test]
    fn html_a_file_or_a_template_stands_in_for_a_text() {
        for content in [
            json!({"email": {"html": "<p>hi</p>"}}),
            json!({"attachments": [{"url": "https://e.com/a.png"}]}),
            json!({"templateId": "t"}),
        ] {
            let mut body = json!({"toAddress": "c"});
            body.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
            assert!(read(body).is_ok(), "{content}");
        }
        let errors = read(json!({"toAddress": "c", "email": {"subject": "s"}})).err();
        assert_eq!(Some(vec!["/textBody is required, unless there is other content".to_owned()]), errors);
    }
}
