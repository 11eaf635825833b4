//! Texts and their entities.

use super::answers::Refusal;
use super::parameters::Parameters;
use serde_json::{Map, Value, json};

/// In characters.
const LONGEST_TEXT: usize = 4_096;
const LONGEST_CAPTION: usize = 1_024;
/// In bytes, before anything is read of it.
const LONGEST_RAW: usize = 32_768;

const KINDS: [&str; 18] = [
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "custom_emoji",
];

/// A text as it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    /// As in the API.
    pub(super) entities: Vec<Value>,
}

impl Text {
    /// The text of a message.
    pub(super) fn message(parameters: &Parameters) -> Result<Self, Refusal> {
        let text = Self::read(parameters, "text", "entities")?;
        match text.text.chars().count() {
            0 => Err(Refusal::bad_request("message text is empty")),
            1..=LONGEST_TEXT => Ok(text),
            _ => Err(Refusal::bad_request("message is too long")),
        }
    }

    /// The text with a file, which may be empty.
    pub(super) fn caption(parameters: &Parameters) -> Result<Self, Refusal> {
        let text = Self::read(parameters, "caption", "caption_entities")?;
        if text.text.chars().count() > LONGEST_CAPTION {
            return Err(Refusal::bad_request("message caption is too long"));
        }
        Ok(text)
    }

    fn read(parameters: &Parameters, text: &str, entities: &str) -> Result<Self, Refusal> {
        let raw = parameters.text(text).unwrap_or_default();
        if raw.len() > LONGEST_RAW {
            return Err(Refusal::bad_request("message is too long"));
        }
        let mut entities: Vec<Map<String, Value>> = parameters.json(entities)?.unwrap_or_default();
        let cut = raw.len() - raw.trim_start().len();
        let cut = raw.get(..cut).unwrap_or_default().encode_utf16().count();
        let units: Vec<u16> = raw.encode_utf16().collect();
        for entity in &mut entities {
            let number =
                |name| entity.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            let (offset, length) = (number("offset"), number("length"));
            let kind = entity.get("type").and_then(Value::as_str).unwrap_or_default();
            let has_link = entity.contains_key("url");
            let (Some(offset), Some(length)) = (offset, length.filter(|length| *length > 0)) else {
                return Err(Refusal::bad_request("can't parse entities: no place"));
            };
            let splits_none = |place: usize| units.get(place).is_none_or(|unit| !(0xdc00..0xe000).contains(unit));
            let fits = offset + length <= units.len() && splits_none(offset) && splits_none(offset + length);
            if !fits || !KINDS.contains(&kind) || has_link != (kind == "text_link") {
                return Err(Refusal::bad_request(&format!("can't parse entities: {kind} at {offset} + {length}")));
            }
            entity.insert("offset".to_owned(), json!(offset.saturating_sub(cut)));
        }
        Ok(Self { text: raw.trim().to_owned(), entities: entities.into_iter().map(Value::Object).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(text: &str, entities: &Value) -> Result<Text, Refusal> {
        let values = [("text".to_owned(), text.to_owned()), ("entities".to_owned(), entities.to_string())];
        Text::message(&Parameters { values: BTreeMap::from(values), ..Parameters::default() })
    }

    #[test]
    fn entities_are_counted_in_utf_16_units_and_split_no_character() {
        let bold = |offset: usize, length: usize| json!([{"type": "bold", "offset": offset, "length": length}]);
        for (offset, length, fits) in
            [(0, 7, true), (0, 2, true), (3, 4, true), (0, 8, false), (0, 1, false), (1, 2, false), (3, 0, false)]
        {
            assert_eq!(fits, read("👋 Card", &bold(offset, length)).is_ok(), "{offset} {length}");
        }
        assert_eq!(
            json!([{"type": "bold", "offset": 0, "length": 4}]),
            json!(read(" \nCard ", &bold(2, 4)).unwrap().entities)
        );
        assert!(read("Card", &json!([{"type": "loud", "offset": 0, "length": 1}])).is_err());
        assert!(read("Card", &json!([{"type": "text_link", "offset": 0, "length": 1}])).is_err());
    }

    #[test]
    fn a_text_has_one_to_4096_characters_without_blanks_around_it() {
        assert_eq!("a", read(" a\n", &json!([])).unwrap().text);
        assert!(read(" \n", &json!([])).is_err());
        assert!(read(&"👋".repeat(LONGEST_TEXT), &json!([])).is_ok());
        assert!(read(&"x".repeat(LONGEST_TEXT + 1), &json!([])).is_err());
    }
}
