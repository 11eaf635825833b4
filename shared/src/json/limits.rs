//! Limits for untrusted JSON, checked before it is parsed.
//!
//! A few bytes of JSON can take a hundred times as much memory once parsed (`{"":{"":…`), and parsers disagree on how deep
//! a document may be nested. Real messages are far below these limits.

use crate::json::fields::FieldError;
use memchr::memchr2;

/// Maximum nesting of objects and arrays: below the 128 at which parsers fail, because a delivery nests the document two
/// levels deeper.
const MAX_DEPTH: usize = 100;
const MAX_VALUES: usize = 20_000;

/// Checks the limits in one pass over the bytes. Invalid JSON may pass; the parser rejects it later.
///
/// # Errors
/// The document is nested too deeply or has too many values.
pub fn check(json: &[u8]) -> Result<(), FieldError> {
    let (mut depth, mut values, mut rest) = (0_usize, 1_usize, json);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = after_string(rest),
            b'{' | b'[' => {
                depth += 1;
                values += 1;
                if depth > MAX_DEPTH {
                    return Err(FieldError::new("", "is nested too deeply"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if values > MAX_VALUES {
            return Err(FieldError::new("", "has too many values"));
        }
    }
    Ok(())
}

/// The bytes after the closing quote of a string that has been opened.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        let at = position_in_string(rest, |byte| matches!(byte, b'"' | b'\\'), |more| memchr2(b'"', b'\\', more));
        match at.and_then(|at| rest.split_at_checked(at)) {
            Some((_, [b'"', after @ ..])) => return after,
            Some((_, [_, _, after @ ..])) => rest = after,
            _ => return &[],
        }
    }
}

/// Finds the first of some bytes in a string. Most strings are so short that a call of memchr would cost more than the
/// search.
pub(crate) fn position_in_string(
    string: &[u8],
    is_searched: impl Fn(u8) -> bool,
    memchr: impl FnOnce(&[u8]) -> Option<usize>,
) -> Option<usize> {
    const SHORT: usize = 16;
    let (start, more) = string.split_at(string.len().min(SHORT));
    let found = start.iter().position(|byte| is_searched(*byte));
    found.or_else(|| memchr(more).map(|at| start.len() + at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn detail(json: &str) -> Option<String> {
        check(json.as_bytes()).err().map(|error| error.detail)
    }

    #[test]
    fn a_hundred_levels_are_accepted_and_one_more_is_not() {
        assert_eq!(None, detail(&nested(100)));
        assert_eq!(Some("is nested too deeply".to_owned()), detail(&nested(101)));
        assert_eq!(None, detail(&format!("[{},{}]", nested(99), nested(99))));
    }

    #[test]
    fn twenty_thousand_values_are_accepted_and_one_more_is_not() {
        assert_eq!(None, detail(&format!("[{}0]", "0,".repeat(MAX_VALUES - 2))));
        assert_eq!(Some("has too many values".to_owned()), detail(&format!("[{}0]", "0,".repeat(MAX_VALUES - 1))));
    }

    #[test]
    fn the_content_of_strings_is_not_counted() {
        assert_eq!(None, detail(&format!("\"{}\\\"{}\"", nested(200), ",".repeat(30_000))));
        assert_eq!(Some("is nested too deeply".to_owned()), detail(&format!("[\"\\\\\",{}]", nested(100))));
    }

    #[test]
    fn strings_may_end_in_an_escape_or_not_at_all() {
        let deep = nested(101);
        for (json, expected) in [
            (format!(r#"["\\"{deep}"#), Some("is nested too deeply")),
            (format!(r#"["\""{deep}"#), Some("is nested too deeply")),
            (format!(r#"["\"{deep}"#), None),
            (format!(r#"["{deep}"#), None),
            ("[\"\\".to_owned(), None),
            (format!(r#""{}\"",{deep}"#, "long ".repeat(100)), Some("is nested too deeply")),
        ] {
            assert_eq!(expected.map(str::to_owned), detail(&json), "{json}");
        }
    }

    /// The same limits, byte by byte.
    fn by_byte(json: &[u8]) -> Option<&'static str> {
        let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 1_usize, false, false);
        for byte in json {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => (depth, values) = (depth + 1, values + 1),
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' => values += 1,
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Some("is nested too deeply");
            }
            if values > MAX_VALUES {
                return Some("has too many values");
            }
        }
        None
    }

    proptest! {
        #[test]
        fn the_limits_are_those_of_a_check_byte_by_byte(
            parts in prop::collection::vec((prop::sample::select(vec!["\"", "\\", "{", "[", "}", "]", ",", "a", "ä"]), 1..80_usize), 0..40),
            values in prop::sample::select(vec![0, MAX_VALUES - 40, MAX_VALUES]),
        ) {
            let json: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let json = format!("{}{json}", ",".repeat(values));
            prop_assert_eq!(by_byte(json.as_bytes()).map(str::to_owned), detail(&json));
        }

        #[test]
        fn no_bytes_cause_a_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(by_byte(&json).map(str::to_owned), check(&json).err().map(|error| error.detail));
        }
    }
}
