//! Phone numbers, channel addresses, ids, and URLs.

use url::Url;
use uuid::Uuid;

const WHATSAPP: &str = "whatsapp:";

/// The area codes of other countries in the North American Numbering Plan.
const OTHER_COUNTRIES: [&str; 21] = [
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809",
    "829", "849", "868", "869", "876",
];

/// A new id of this kind.
#[must_use]
pub fn new_sid(kind: &str) -> String {
    format!("{kind}{}", Uuid::new_v4().simple())
}

pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind).is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn is_on_whatsapp(address: &str) -> bool {
    address.starts_with(WHATSAPP)
}

/// The address without its channel.
pub(super) fn bare(address: &str) -> &str {
    address.strip_prefix(WHATSAPP).unwrap_or(address)
}

/// Whether it is a phone number as E.164 has it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// Whether it is a WhatsApp user's own id, such as `US.1a2b`.
fn is_user_id(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether messages can be sent to it.
pub(super) fn is_recipient(address: &str) -> bool {
    is_number(bare(address)) || is_on_whatsapp(address) && is_user_id(bare(address))
}

/// Whether the number with the code that the United States and Canada share with other countries is in one of the two.
pub(super) fn is_in_us_or_canada(number: &str) -> bool {
    let area = number.strip_prefix("+1").and_then(|number| number.get(..3));
    area.is_some_and(|area| !OTHER_COUNTRIES.contains(&area))
}

/// A public web address without credentials.
pub(super) fn is_web_address(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.host().is_some() && url.username().is_empty())
}

/// The extension of a URL's file, in lower case.
pub(super) fn file_extension(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (_, extension) = url.path_segments()?.next_back()?.rsplit_once('.')?;
    Some(extension.to_ascii_lowercase())
}

/// Whether webhooks can be posted to it.
pub(super) fn is_webhook(text: &str) -> bool {
    let host = Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    is_web_address(text) && text.chars().count() <= 4_000 && !host.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_whatsapp_users_are_recipients() {
        for address in ["+15005550010", "whatsapp:+15005550010", "whatsapp:US.1a2B"] {
            assert!(is_recipient(address), "{address}");
        }
        for address in ["15005550010", "+05005550010", "+1500", "US.1a2b", "whatsapp:us.1a2b", "sms:+15005550010", ""] {
            assert!(!is_recipient(address), "{address}");
        }
    }

    #[test]
    fn a_number_in_jamaica_is_not_in_the_united_states_or_canada() {
        assert!(is_in_us_or_canada("+15005550010") && is_in_us_or_canada("+14165550100"));
        assert!(!is_in_us_or_canada("+18765550100") && !is_in_us_or_canada("+491701234567"));
    }

    #[test]
    fn only_the_last_part_of_a_path_has_an_extension() {
        assert_eq!(Some("mp4"), file_extension("https://example.com/a.b/Film.x.MP4?c=d.png").as_deref());
        assert_eq!(None, file_extension("https://example.com/a.b/film"));
    }

    #[test]
    fn a_webhook_is_a_web_address_whose_host_has_no_underscore() {
        assert!(is_webhook("https://example.com:8443/a_b?c#rc=3"));
        for url in ["https://a_b.example.com/", "ftp://example.com/", "/path", "https://u:p@example.com/"] {
            assert!(!is_webhook(url), "{url}");
        }
        assert!(!is_webhook(&format!("https://example.com/{}", "x".repeat(4_000))));
    }
}
