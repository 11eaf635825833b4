//! Bounds for JSON from outside, checked before it is parsed.
//!
//! A few bytes of JSON can become a hundred times as much in memory (`{"":{"":…`), and a document that is nested deeper
//! than its readers can follow is accepted by one and refused by the next. No real message comes near these bounds.

use crate::json::fields::Fault;

/// How deep objects and lists may be nested: less than the 128 at which parsers give up, because a delivery wraps the
/// document twice more.
const MAXIMUM_DEPTH: usize = 100;
/// How many values a document may have.
const MAXIMUM_VALUES: usize = 20_000;

/// Checks the bounds in one pass over the bytes. What is not JSON may pass: the parser finds that out.
///
/// # Errors
/// The document is nested too deeply, or has too many values.
pub fn check(json: &[u8]) -> Result<(), Fault> {
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
            return Err(fault("is nested too deeply"));
        }
        if values > MAXIMUM_VALUES {
            return Err(fault("has too many values"));
        }
    }
    Ok(())
}

fn fault(detail: &str) -> Fault {
    Fault { pointer: String::new(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn detail(json: &str) -> Option<String> {
        check(json.as_bytes()).err().map(|fault| fault.detail)
    }

    #[test]
    fn a_hundred_levels_pass_and_one_more_does_not() {
        assert_eq!(None, detail(&nested(100)));
        assert_eq!(Some("is nested too deeply".to_owned()), detail(&nested(101)));
        assert_eq!(None, detail(&format!("[{},{}]", nested(99), nested(99))));
    }

    #[test]
    fn twenty_thousand_values_pass_and_one_more_does_not() {
        assert_eq!(None, detail(&format!("[{}0]", "0,".repeat(MAXIMUM_VALUES - 2))));
        assert_eq!(Some("has too many values".to_owned()), detail(&format!("[{}0]", "0,".repeat(MAXIMUM_VALUES - 1))));
    }

    #[test]
    fn what_stands_in_strings_does_not_count() {
        assert_eq!(None, detail(&format!("\"{}\\\"{}\"", nested(200), ",".repeat(30_000))));
        assert_eq!(Some("is nested too deeply".to_owned()), detail(&format!("[\"\\\\\",{}]", nested(100))));
    }
}
