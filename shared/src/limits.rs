//! Limits for values from outside: the length of texts that are stored, forwarded, logged or quoted in errors, and how far
//! ahead a time may be.

use jiff::SignedDuration;
use std::borrow::Cow;
use unicode_segmentation::GraphemeCursor;

/// Maximum length of an id (message, customer, conversation, file) in bytes. Genesys Cloud's message ids have 32.
pub const MAX_ID_BYTES: usize = 512;

/// Maximum length in bytes of a value from outside in a log line, or of a field name in an error. An id is never truncated.
pub const MAX_LOGGED_BYTES: usize = 512;

/// How far in the future a caller's time may be. A day covers clocks that report local time as UTC.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

const TRUNCATION_MARK: &str = "…(cut)";

/// Truncates a text for a log line or an error to [`MAX_LOGGED_BYTES`], with a mark at the end if it was longer.
#[must_use]
pub fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_LOGGED_BYTES {
        return Cow::Borrowed(text);
    }
    let kept = text.floor_char_boundary(MAX_LOGGED_BYTES - TRUNCATION_MARK.len());
    Cow::Owned(text.get(..kept).unwrap_or_default().to_owned() + TRUNCATION_MARK)
}

/// Truncates a text to `maximum` characters. The last one is an ellipsis if the text was longer.
#[must_use]
pub fn truncate(text: String, maximum: usize) -> String {
    if text.chars().count() <= maximum {
        return text;
    }
    text.chars().take(maximum.saturating_sub(1)).chain(['…']).collect()
}

/// The last place at or before `end` that is not inside a character as people see it: an emoji with its modifiers, a flag.
/// If the text begins with a longer one, the last place that is not inside a code point.
#[must_use]
pub fn floor_grapheme_boundary(text: &str, end: usize) -> usize {
    let end = text.floor_char_boundary(end);
    let mut cursor = GraphemeCursor::new(end, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(true) => end,
        _ => cursor.prev_boundary(text, 0).ok().flatten().filter(|at| *at > 0).unwrap_or(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_a_character_as_people_see_it_is_moved_before_it() {
        for (text, end, expected) in [
            ("ab", 1, 1),
            ("ab", 9, 2),
            ("é", 1, 0),
            ("a👍🏽", 6, 1),
            ("a🇩🇪", 5, 1),
            ("a👨‍👩‍👧b", 19, 19),
            ("", 1, 0),
            ("👍🏽", 6, 4),
        ] {
            assert_eq!(expected, floor_grapheme_boundary(text, end), "{text} {end}");
        }
    }

    #[test]
    fn a_text_within_the_limit_is_unchanged_and_a_longer_one_is_truncated_at_a_character_boundary_and_marked() {
        let fits = "é".repeat(256);
        assert_eq!(fits, bounded(&fits));
        for longer in ["x".repeat(513), "é".repeat(257), format!("x{}", "👋".repeat(100_000))] {
            let truncated = bounded(&longer);
            let start = truncated.strip_suffix(TRUNCATION_MARK).unwrap();
            assert!(truncated.len() <= MAX_LOGGED_BYTES && longer.starts_with(start), "{truncated}");
            assert!(truncated.len() > MAX_LOGGED_BYTES - 4, "{truncated}");
        }
    }
}
