pub(super) const REQUEST_HINT: &str = "a caller's request is found with --key, --route, --caller and --integration";

const PREFIX: &str = "msg_";

/// The digest in a `webhook-id`.
pub(super) fn digest_of(id: &str) -> Option<&str> {
    let digits = id.strip_prefix(PREFIX)?;
    let hexadecimal = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hexadecimal.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_id_has_64_hexadecimal_digits() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(Some(digits.as_str()), digest_of(&format!("msg_{digits}")));
        for other in [digits.clone(), format!("msg_{}", digits.to_uppercase()), "msg_1".to_owned(), String::new()] {
            assert_eq!(None, digest_of(&other), "{other}");
        }
    }
}
