//! Text with titles in bold, split at Telegram's limits.
//!
//! It is sent without a parse mode: nothing in it can then be taken for formatting, and nothing has to be escaped.

use crate::channel::split::split;
use serde::Serialize;
use std::ops::Range;

/// The longest text of a message, in code points.
pub(super) const MAX_TEXT: usize = 4_096;
/// The longest text of a message with a file, in code points.
pub(super) const MAX_CAPTION: usize = 1_024;

/// Lines of a message.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    /// In bytes.
    titles: Vec<Range<usize>>,
}

/// A text that fits into one message.
#[derive(Clone, PartialEq)]
pub(super) struct Passage {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
}

/// A title in a text, in UTF-16 units.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Entity {
    r#type: &'static str,
    offset: usize,
    length: usize,
}

impl Lines {
    pub(super) fn push(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    pub(super) fn push_title(&mut self, text: &str) {
        self.push(text);
        self.titles.push(self.text.len() - text.len()..self.text.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text in passages of at most `maximum` code points; none if it is blank.
    pub(super) fn passages(&self, maximum: usize) -> Vec<Passage> {
        let mut end = 0;
        let parts = split(&self.text, maximum, |_| 1).into_iter();
        parts
            .map(|part| {
                let rest = self.text.get(end..).unwrap_or_default();
                // Only white space is between two parts.
                let start = end + rest.len() - rest.trim_start().len();
                end = start + part.len();
                let entities = self.titles.iter().filter_map(|title| self.entity(start..end, title)).collect();
                Passage { text: part.to_owned(), entities }
            })
            .collect()
    }

    /// What of a title is in this part.
    fn entity(&self, part: Range<usize>, title: &Range<usize>) -> Option<Entity> {
        let (from, to) = (title.start.max(part.start), title.end.min(part.end));
        let before = self.text.get(part.start..from)?;
        let title = self.text.get(from..to).filter(|title| !title.is_empty())?;
        Some(Entity { r#type: "bold", offset: utf16_units(before), length: utf16_units(title) })
    }
}

impl From<String> for Passage {
    fn from(text: String) -> Self {
        Self { text, entities: Vec::new() }
    }
}

fn utf16_units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passages(lines: &[(&str, bool)], maximum: usize) -> Vec<(String, serde_json::Value)> {
        let mut text = Lines::default();
        for (line, is_title) in lines {
            if *is_title { text.push_title(line) } else { text.push(line) }
        }
        let passages = text.passages(maximum).into_iter();
        passages.map(|passage| (passage.text, serde_json::to_value(passage.entities).unwrap())).collect()
    }

    #[test]
    fn a_title_is_bold_in_utf_16_units() {
        let expected = json!([
            {"type": "bold", "offset": 0, "length": 7},
            {"type": "bold", "offset": 19, "length": 4},
        ]);
        let lines = [("👋 Card", true), ("Héllo 👋🏽", false), ("Next", true)];
        assert_eq!(vec![("👋 Card\nHéllo 👋🏽\nNext".to_owned(), expected)], passages(&lines, MAX_TEXT));
    }

    #[test]
    fn a_split_title_is_bold_in_both_parts() {
        let bold = |length| json!([{"type": "bold", "offset": 0, "length": length}]);
        let lines = [("one two three", true), ("four", false)];
        assert_eq!(vec![("one two".to_owned(), bold(7)), ("three\nfour".to_owned(), bold(5))], passages(&lines, 10));
    }

    #[test]
    fn a_text_of_the_maximum_is_one_passage_and_a_blank_one_is_none() {
        assert_eq!(1, passages(&[(&"👋".repeat(MAX_TEXT), false)], MAX_TEXT).len());
        assert_eq!(2, passages(&[(&"👋".repeat(MAX_TEXT + 1), false)], MAX_TEXT).len());
        assert!(passages(&[(" \n", false)], MAX_TEXT).is_empty());
    }
}
