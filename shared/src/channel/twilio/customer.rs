//! Customers' addresses. The platform has them without the prefix that Twilio needs for WhatsApp.

use crate::channel::event::ChannelCustomer;
use crate::model::message::IdType;
use std::ops::RangeInclusive;

pub(super) const WHATSAPP: &str = "whatsapp:";

/// ITU-T E.164 allows 15 digits, country code included. The shortest numbers in use have 7.
const PHONE_DIGITS: RangeInclusive<usize> = 7..=15;
const MAX_USER_ID: usize = 128;

/// What people write between the digits of a number.
const SEPARATORS: [char; 7] = [' ', '\u{a0}', '-', '.', '(', ')', '/'];

/// What follows the prefix of an address on WhatsApp.
pub(super) fn strip_whatsapp(address: &str) -> Option<&str> {
    let (prefix, rest) = address.split_at_checked(WHATSAPP.len())?;
    prefix.eq_ignore_ascii_case(WHATSAPP).then_some(rest)
}

/// The number in international form without separators. A number without a country code is `None`: to guess it could show
/// the message to a stranger.
pub(super) fn phone_number(text: &str) -> Option<String> {
    let number = text.trim().replace(SEPARATORS, "");
    is_phone_number(&number).then_some(number)
}

pub(super) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0') && is_digits(digits))
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether it is WhatsApp's id of a user who shows no number: the country's two letters, a point, letters and digits.
fn is_user_id(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|letter| letter.is_ascii_uppercase())
            && (1..=MAX_USER_ID).contains(&id.len())
            && id.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// The number or id of a customer on WhatsApp, without the prefix.
pub(super) fn whatsapp_user(id: &str) -> Option<String> {
    let id = id.trim();
    let id = strip_whatsapp(id).unwrap_or(id);
    phone_number(id).or_else(|| is_user_id(id).then(|| id.to_owned()))
}

/// The customer with this `From`.
pub(super) fn customer(from: &str, nickname: Option<&str>) -> ChannelCustomer {
    let from = from.trim();
    let id = strip_whatsapp(from).unwrap_or(from);
    // A short code has no plus.
    let id_type = if is_phone_number(id) || is_digits(id) { IdType::Phone } else { IdType::Opaque };
    let nickname = nickname.map(str::to_owned);
    ChannelCustomer { id: id.to_owned(), id_type, nickname, first_name: None, last_name: None }
}

/// The country code of the United States and Canada, and the area codes of the other countries that share it: in the Caribbean,
/// and Bermuda.
const MMS_COUNTRIES: &str = "+1";
const AREAS_WITHOUT_MMS: [&str; 21] = [
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809",
    "829", "849", "868", "869", "876",
];

/// Whether pictures can be sent to this number as MMS.
pub(super) fn has_mms(number: &str) -> bool {
    let area = |number: &str| AREAS_WITHOUT_MMS.iter().any(|area| number.starts_with(area));
    number.strip_prefix(MMS_COUNTRIES).is_some_and(|number| !area(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_its_country_code_and_may_have_separators() {
        for (text, number) in [
            ("+15005550010", Some("+15005550010")),
            (" +1 (500) 555-0010 ", Some("+15005550010")),
            ("+49/30/123.456", Some("+4930123456")),
            ("15005550010", None),
            ("005005550010", None),
            ("+05005550010", None),
            ("+123456", None),
            ("+1234567890123456", None),
            ("+1500555001x", None),
            ("++15005550010", None),
            ("+", None),
            ("", None),
            ("ada@example.com", None),
            ("+١٥٠٠٥٥٥٠٠١٠", None),
        ] {
            assert_eq!(number, phone_number(text).as_deref(), "{text}");
        }
    }

    #[test]
    fn whatsapp_may_have_a_prefix_and_knows_users_without_a_number() {
        let longest = format!("US.{}", "1".repeat(128));
        for (id, user) in [
            ("+15005550010", Some("+15005550010")),
            ("whatsapp:+15005550010", Some("+15005550010")),
            ("WhatsApp:+1 500 555 0010", Some("+15005550010")),
            (&longest, Some(longest.as_str())),
            ("CC.a1", Some("CC.a1")),
            (&format!("{longest}1"), None),
            ("US.", None),
            ("us.1", None),
            ("US.a/b", None),
            ("messenger:1", None),
        ] {
            assert_eq!(user, whatsapp_user(id).as_deref(), "{id}");
        }
        assert_eq!(None, phone_number("whatsapp:+15005550010"), "a customer on another channel");
    }

    #[test]
    fn the_platform_gets_a_customers_id_without_a_prefix() {
        for (from, id, id_type) in [
            ("+15005550010", "+15005550010", IdType::Phone),
            ("whatsapp:+15005550010", "+15005550010", IdType::Phone),
            ("whatsapp:US.a1B2", "US.a1B2", IdType::Opaque),
            ("72345", "72345", IdType::Phone),
            ("messenger:1", "messenger:1", IdType::Opaque),
        ] {
            let customer = customer(from, Some("Ada"));
            assert_eq!((id, id_type), (customer.id.as_str(), customer.id_type), "{from}");
            assert_eq!(Some("Ada"), customer.nickname.as_deref());
        }
    }

    #[test]
    fn only_numbers_of_the_united_states_and_canada_have_mms() {
        for number in ["+15005550010", "+14165550123", "+17875550123"] {
            assert!(has_mms(number), "{number}");
        }
        for number in ["+18765550123", "+14415550123", "+18095550123", "+491511234567", "+52155512345"] {
            assert!(!has_mms(number), "{number}");
        }
    }
}
