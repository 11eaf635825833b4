//! What a message is looked for by.

/// What else an id that is not found may be.
pub(super) const REQUESTS: &str = "a caller's request is found with --key, --route, --caller and --integration";

/// What a `webhook-id` begins with.
const WEBHOOK_ID_PREFIX: &str = "msg_";

/// The digits of a `webhook-id`.
pub(super) fn identity(id: &str) -> Option<&str> {
    let digits = id.strip_prefix(WEBHOOK_ID_PREFIX)?;
    let hexadecimal = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hexadecimal.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_id_has_64_digits_and_everything_else_is_the_platforms() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(Some(digits.as_str()), identity(&format!("msg_{digits}")));
        for other in [digits.clone(), format!("msg_{}", digits.to_uppercase()), "msg_1".to_owned(), String::new()] {
            assert_eq!(None, identity(&other), "{other}");
        }
    }
}
