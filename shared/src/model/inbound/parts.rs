//! Splits a message with several files, for platforms that accept one file per message.

use super::InboundMessage;
use crate::digest::Digest;
use crate::limits::MAX_ID_BYTES;

/// Digits of a digest that make a derived id distinct from ids that a caller creates by counting.
const DIGEST_DIGITS: usize = 12;

impl InboundMessage {
    /// One message per file, in order. The first one keeps the id and the text of the message.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let mut files = self.attachments.iter().cloned();
        let first = Self { attachments: files.next().into_iter().collect(), ..self.clone() };
        let further = files.zip(2..).map(|(file, number)| {
            let mut part =
                Self { text: None, attachments: vec![file], prefetch_conversation_id: false, ..self.clone() };
            part.meta.message_id = derived_id(&self.meta.message_id, number);
            part
        });
        std::iter::once(first).chain(further).collect()
    }
}

/// The id of a part of a message: the same on every attempt, and different from any id that a caller might create.
fn derived_id(message_id: &str, number: usize) -> String {
    let number = number.to_string();
    let digest = Digest::of_parts(&["part", message_id, &number]);
    let digest = digest.as_str().get(..DIGEST_DIGITS).unwrap_or_default();
    let suffix = format!("-{number}-{digest}");
    let kept = message_id.floor_char_boundary(MAX_ID_BYTES.saturating_sub(suffix.len()));
    message_id.get(..kept).unwrap_or_default().to_owned() + &suffix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn message(change: Value) -> InboundMessage {
        let mut body = json!({"messageId": "m-1", "from": {"id": "c"}, "time": "2026-01-02T03:04:05Z"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fields::read(body, InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn files(count: usize) -> Value {
        (0..count).map(|number| json!({"url": format!("https://e.com/{number}"), "mime": "image/png"})).collect()
    }

    #[test]
    fn each_part_has_one_file_and_the_first_also_has_the_text_and_the_id() {
        let parts = message(json!({
            "text": "t", "attachments": files(3), "metadata": {"a": "b"}, "customAttributes": {"c": "d"},
            "prefetchConversationId": true,
        }))
        .parts();
        let urls: Vec<_> = parts.iter().flat_map(|part| &part.attachments).map(|file| file.url.as_str()).collect();
        assert_eq!(vec!["https://e.com/0", "https://e.com/1", "https://e.com/2"], urls);
        let texts: Vec<_> = parts.iter().map(|part| (part.text.as_deref(), part.prefetch_conversation_id)).collect();
        assert_eq!(vec![(Some("t"), true), (None, false), (None, false)], texts);
        assert_eq!("m-1", parts[0].meta.message_id);
        for part in &parts {
            assert_eq!(parts[0].meta.time, part.meta.time);
            assert_eq!((1, 1), (part.metadata.len(), part.meta.custom_attributes.len()));
        }
    }

    #[test]
    fn a_message_with_at_most_one_file_has_one_part() {
        for (change, files) in [(json!({"text": "t"}), 0), (json!({"attachments": files(1)}), 1)] {
            let parts = message(change).parts();
            assert_eq!((1, files), (parts.len(), parts[0].attachments.len()));
            assert_eq!("m-1", parts[0].meta.message_id);
        }
    }

    #[test]
    fn a_derived_id_is_stable_because_the_platform_deduplicates_by_it() {
        assert_eq!("m-1-2-3201c6775cd4", derived_id("m-1", 2));
    }

    #[test]
    fn derived_ids_differ_and_have_at_most_512_bytes_however_long_the_callers_id_is() {
        for id in ["m", "m-1", "m-1-2", &"x".repeat(512), &"é".repeat(256)] {
            let derived: BTreeSet<_> = (2..=10).map(|number| derived_id(id, number)).collect();
            assert_eq!(9, derived.len());
            assert!(derived.iter().all(|derived| derived.len() <= 512 && derived != id));
        }
        // Ids that differ only in the truncated part.
        let [one, other] = ["a", "b"].map(|last| derived_id(&("x".repeat(511) + last), 2));
        assert_ne!(one, other);
    }
}
