//! Twilio's signature of its webhooks.

use aws_lc_rs::{digest, hmac};
use data_encoding::{BASE64, HEXLOWER};
use std::collections::{BTreeMap, BTreeSet};

/// The signature of a request to `url` with a form: of the URL, then of each parameter's name and value, in the order of
/// the names, with equal ones once.
#[must_use]
pub fn sign<'p>(auth_token: &str, url: &str, parameters: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in parameters {
        values.entry(name).or_default().insert(value);
    }
    let parameters = values.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}")));
    let text = url.to_owned() + &parameters.collect::<String>();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    BASE64.encode(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// The URL of a request with a JSON body: its query has the body's digest, and so the signature covers it.
#[must_use]
pub fn url_with_digest(url: &str, body: &[u8]) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    let digest = digest::digest(&digest::SHA256, body);
    format!("{url}{separator}bodySHA256={}", HEXLOWER.encode(digest.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_own_example_has_the_vendors_signature() {
        let form = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ];
        let signature = sign("12345", "https://example.com/myapp.php?foo=1&bar=2", form.into_iter());
        assert_eq!("L/OH5YylLD5NRKLltdqwSvS0BnU=", signature);
    }
}
