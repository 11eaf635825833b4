//! Detects invisible traces of careless copying, which no secret contains.

/// The error does not repeat the secret.
pub(super) fn check(secret: &str) -> Result<(), String> {
    let fault = if secret.is_empty() {
        "must not be empty"
    } else if secret.contains('\u{feff}') {
        "must not have a byte order mark"
    } else if secret.contains(['\r', '\n']) {
        "must be a single line"
    } else if secret.trim() != secret {
        "must not begin or end with white space"
    } else if secret.contains(char::is_control) {
        "must not have control characters, such as tabs"
    } else {
        return Ok(());
    };
    Err(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_refused_and_everything_else_may_be_a_secret() {
        for secret in ["hidden", "hid den", "\"hidden\"", "'hidden'", "hiddén", "="] {
            assert_eq!(Ok(()), check(secret), "{secret:?}");
        }
        for (copied, fault) in [
            ("", "empty"),
            ("\u{feff}hidden", "byte order mark"),
            ("hidden\nhidden", "single line"),
            ("\rhidden", "single line"),
            (" hidden", "white space"),
            ("hidden\t", "white space"),
            ("hidden\u{a0}", "white space"),
            ("hid\tden", "control characters"),
            ("hidden\0", "control characters"),
        ] {
            let said = check(copied).unwrap_err();
            assert!(said.contains(fault) && !said.contains("hid"), "{copied:?}: {said}");
        }
    }
}
