//! Limits for untrusted JSON, checked before it is parsed.
//!
//! A few bytes of JSON can take a hundred times as much memory once parsed (`{"":{"":…`), and parsers disagree on how deep
//! a document may be nested. Real messages are far below these limits.

use crate::json::fields::FieldError;

/// Maximum nesting of objects and arrays: below the 128 at which parsers fail, because a delivery nests the document two
/// levels deeper.
const MAXIMUM_DEPTH: usize = 100;
const MAXIMUM_VALUES: usize = 20_000;

/// Checks the limits in one pass over the bytes. Invalid JSON may pass; the parser rejects it later.
///
/// # Errors
/// The document is nested too deeply or has too many values.
pub fn check(json: &[u8]) -> Result<(), FieldError> {
    let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 1_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAXIMUM_DEPTH {
            return Err(FieldError::new("", "is nested too deeply"));
        }
        if values > MAXIMUM_VALUES {
            return Err(FieldError::new("", "has too many values"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(None, detail(&format!("[{}0]", "0,".repeat(MAXIMUM_VALUES - 2))));
        assert_eq!(Some("has too many values".to_owned()), detail(&format!("[{}0]", "0,".repeat(MAXIMUM_VALUES - 1))));
    }

    #[test]
    fn the_content_of_strings_is_not_counted() {
        assert_eq!(None, detail(&format!("\"{}\\\"{}\"", nested(200), ",".repeat(30_000))));
        assert_eq!(Some("is nested too deeply".to_owned()), detail(&format!("[\"\\\\\",{}]", nested(100))));
    }
}
