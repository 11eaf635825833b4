//! How long text from outside may be where it is kept, sent on, or named in a log line or an error; and how late a time may be.

use jiff::SignedDuration;
use std::borrow::Cow;

/// The longest id, in bytes: of a message, a customer, a conversation, a file. Genesys Cloud's ids of messages have 32.
pub const MAXIMUM_ID_BYTES: usize = 512;

/// The longest text of others in a log line, or as the name of a field in an error, in bytes: an id is never cut off.
pub const MAXIMUM_LOGGED_BYTES: usize = 512;

/// How far ahead a caller's time may be: a day, as of a clock that takes local time for UTC. No good clock is further off.
pub const MAXIMUM_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What stands at the end of a text that was cut off.
const CUT: &str = "…(cut)";

/// The text as a log line or an error names it: at most [`MAXIMUM_LOGGED_BYTES`], with a mark where it was cut off.
#[must_use]
pub fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAXIMUM_LOGGED_BYTES {
        return Cow::Borrowed(text);
    }
    let kept = text.floor_char_boundary(MAXIMUM_LOGGED_BYTES - CUT.len());
    Cow::Owned(text.get(..kept).unwrap_or_default().to_owned() + CUT)
}

/// The text with at most `maximum` characters, the last of them an ellipsis where it was cut off.
#[must_use]
pub fn shortened(text: String, maximum: usize) -> String {
    if text.chars().count() <= maximum {
        return text;
    }
    text.chars().take(maximum.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_within_the_limit_is_named_as_it_is_and_a_longer_one_is_cut_between_two_characters_and_marked() {
        let fits = "é".repeat(256);
        assert_eq!(fits, bounded(&fits));
        for longer in ["x".repeat(513), "é".repeat(257), format!("x{}", "👋".repeat(100_000))] {
            let named = bounded(&longer);
            let start = named.strip_suffix(CUT).unwrap();
            assert!(named.len() <= MAXIMUM_LOGGED_BYTES && longer.starts_with(start), "{named}");
            assert!(named.len() > MAXIMUM_LOGGED_BYTES - 4, "{named}");
        }
    }
}
