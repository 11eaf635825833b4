//! The requests to send on behalf of an agent.

use data_encoding::BASE64;
use serde_json::{Map, Value};
use shared::json::fields::{Fields, integer_in, media_type_with_parameters, parse_with, text, text_up_to};
use shared::model::agent::MAX_TEXT;
use shared::model::agentless::messaging_template;
use shared::platform::upload::FileName;
use std::time::Duration;
use url::Url;

const TYPING_MILLISECONDS: std::ops::RangeInclusive<u64> = 1..=600_000;

pub(crate) enum AgentRequest {
    Text(String),
    Media { media: Media, text: Option<String> },
    Template(Map<String, Value>),
}

pub(crate) struct Media {
    pub(crate) source: Source,
    pub(crate) file_name: FileName,
    pub(crate) content_type: Option<String>,
}

/// Where the content of a file is.
pub(crate) enum Source {
    /// Which URLs are allowed depends on the integration.
    Url(Url),
    Content(Vec<u8>),
}

pub(crate) struct TypingRequest {
    /// How long to show it.
    pub(crate) duration: Option<Duration>,
}

impl AgentRequest {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let has_text_or_media = fields.has("textBody") || fields.has("media");
        let has_template = fields.has("messagingTemplate");
        let text = fields.optional("textBody", text_up_to(MAX_TEXT));
        let media = fields.optional_object("media", Media::read);
        let template = fields.optional("messagingTemplate", messaging_template);
        if !has_text_or_media && !has_template {
            fields.error("textBody", "is required, or media or a messagingTemplate");
        }
        if has_text_or_media && has_template {
            fields.error("messagingTemplate", "cannot be combined with `textBody` or `media`");
        }
        match (text, media) {
            (text, Some(media)) => Some(Self::Media { media, text }),
            (Some(text), None) => Some(Self::Text(text)),
            (None, None) => template.map(Self::Template),
        }
    }
}

impl Media {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (has_url, has_content) = (fields.has("url"), fields.has("content"));
        let url = fields.optional("url", parse_with("a URL")).map(Source::Url);
        let content = fields.optional("content", content);
        let has_name = fields.has("fileName");
        let file_name =
            fields.optional("fileName", |value| text(value)?.parse::<FileName>().map_err(|error| error.to_string()));
        let has_type = fields.has("contentType");
        let content_type = fields.optional("contentType", media_type_with_parameters);
        if has_url == has_content {
            fields.error("url", "is required, or content instead, and only one of the two");
        }
        if has_content && !has_name {
            fields.error("fileName", "is required with content");
        }
        if has_content && !has_type {
            fields.error("contentType", "is required with content");
        }
        let source = url.or(content)?;
        let derived = match &source {
            Source::Url(url) if !has_name => {
                let last = url.path_segments().and_then(|mut segments| segments.next_back());
                let name = last.and_then(|name| name.parse().ok());
                if name.is_none() {
                    fields.error(
                        "fileName",
                        "is required: the url does not end in a file name that the platform accepts",
                    );
                }
                name
            }
            _ => None,
        };
        Some(Self { source, file_name: file_name.or(derived)?, content_type })
    }
}

impl TypingRequest {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let duration = fields.optional("durationMilliseconds", integer_in("milliseconds", TYPING_MILLISECONDS));
        Some(Self { duration: duration.map(Duration::from_millis) })
    }
}

fn content(value: Value) -> Result<Source, String> {
    BASE64
        .decode(text(value)?.as_bytes())
        .map(Source::Content)
        .map_err(|_| "must be base64 with padding (RFC 4648)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: Value) -> Vec<String> {
        shared::json::fields::read(body, AgentRequest::read)
            .map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn a_message_is_a_text_or_a_file_or_both_or_a_template() {
        let media = json!({"content": "AAEC", "fileName": "a.png", "contentType": "image/png"});
        let template = json!({"responseId": "r"});
        for good in [
            json!({"textBody": "hi"}),
            json!({"media": media}),
            json!({"textBody": "hi", "media": media}),
            json!({"messagingTemplate": template}),
        ] {
            assert_eq!(Vec::<String>::new(), faults(good.clone()), "{good}");
        }
        assert_eq!(vec!["/textBody is required, or media or a messagingTemplate"], faults(json!({})));
        for other in [json!({"textBody": "hi"}), json!({"media": media})] {
            let mut body = other;
            body["messagingTemplate"] = template.clone();
            assert_eq!(vec!["/messagingTemplate cannot be combined with `textBody` or `media`"], faults(body));
        }
    }

    #[test]
    fn a_text_has_at_most_two_thousand_characters() {
        let of = |length: usize| faults(json!({"textBody": "\u{1f600}".repeat(length)}));
        assert!(of(2_000).is_empty());
        assert_eq!(vec!["/textBody must have at most 2000 characters"], of(2_001));
    }

    #[test]
    fn a_file_is_at_a_url_or_in_the_request() {
        let of = |media: Value| faults(json!({ "media": media }));
        assert!(of(json!({"url": "https://example.com/photos/cat.png?size=2"})).is_empty());
        assert_eq!(
            vec!["/media/fileName is required: the url does not end in a file name that the platform accepts"],
            of(json!({"url": "https://example.com/"}))
        );
        assert_eq!(
            vec!["/media/fileName is required with content", "/media/contentType is required with content",],
            of(json!({"content": "AAEC"}))
        );
        assert_eq!(
            1,
            of(json!({"url": "https://example.com/a", "content": "AAEC", "fileName": "a", "contentType": "a/b"})).len()
        );
        assert_eq!(
            vec!["/media/content must be base64 with padding (RFC 4648)"],
            of(json!({"content": "AA*C", "fileName": "a", "contentType": "a/b"}))
        );
    }

    #[test]
    fn a_blank_field_is_ignored() {
        for blank in [Value::Null, json!(""), json!(" \t")] {
            for body in [
                json!({"textBody": "hi", "media": blank, "messagingTemplate": blank, "of a later version": blank}),
                json!({"textBody": blank, "messagingTemplate": {"responseId": "r", "parameters": blank}}),
                json!({
                    "textBody": blank,
                    "media": {"url": "https://e.com/a.png", "content": blank, "fileName": blank, "contentType": blank},
                }),
                json!({"media": {"url": blank, "content": "AAEC", "fileName": "a.png", "contentType": "image/png"}}),
            ] {
                assert_eq!(Vec::<String>::new(), faults(body.clone()), "{body}");
            }
            let all = json!({"textBody": blank, "media": blank, "messagingTemplate": blank});
            assert_eq!(faults(json!({})), faults(all));
            let typing = shared::json::fields::read(json!({"durationMilliseconds": blank}), TypingRequest::read);
            assert!(typing.is_ok_and(|typing| typing.duration.is_none()));
        }
    }
}
