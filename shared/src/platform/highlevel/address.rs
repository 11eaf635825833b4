//! Addresses of messages: emails, as RFC 5322 writes them, and phone numbers.

use crate::model::message::{IdType, Party};

/// The addresses in a list such as `"Doe, Jane" <jane@example.com>, bob@example.com`. Each is as it was written.
pub(super) fn split(list: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    // The start of a display name with a comma that is not in quotes.
    let mut name = String::new();
    for piece in pieces(list) {
        name.push_str(piece);
        if piece.contains('@') || is_number(piece.trim()) {
            addresses.push(name.trim().to_owned());
            name.clear();
        } else if !name.trim().is_empty() {
            name.push(',');
        }
    }
    let rest = name.trim_end_matches([',', ' ']).trim();
    if !rest.is_empty() {
        addresses.push(rest.to_owned());
    }
    addresses
}

/// The parts of a list between the commas that are not in quotes. A quote without an end is a character like any other.
fn pieces(list: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces = list
        .split(|letter| {
            quoted ^= letter == '"' && !escaped;
            escaped = quoted && letter == '\\' && !escaped;
            letter == ',' && !quoted
        })
        .collect();
    if quoted { list.split(',').collect() } else { pieces }
}

/// The party with this address, which may be in angle brackets after a name.
pub(super) fn party(address: &str) -> Party {
    let (name, address) = match address.rsplit_once('<') {
        Some((name, rest)) => (display_name(name), rest.trim_end().trim_end_matches('>').trim()),
        None => (String::new(), address.trim()),
    };
    let text = Some(address.to_owned());
    let nickname = Some(name).filter(|name| !name.is_empty() && name != address);
    let party = Party { id: text.clone(), id_type: Some(IdType::Opaque), nickname, ..Party::default() };
    if address.contains('@') {
        Party { id_type: Some(IdType::Email), email: text, ..party }
    } else if is_number(address) {
        Party { id_type: Some(IdType::Phone), phone: text, ..party }
    } else {
        party
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_digit() || " +-().".contains(letter))
}

/// A display name without its quotes.
fn display_name(text: &str) -> String {
    let text = text.trim();
    let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let mut escaped = false;
    let is_shown = |letter: &char| {
        escaped = *letter == '\\' && !escaped;
        !escaped
    };
    quoted.chars().filter(is_shown).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_the_commas_between_addresses() {
        for (list, expected) in [
            ("a@e.com", &["a@e.com"][..]),
            ("a@e.com, b@e.com", &["a@e.com", "b@e.com"]),
            (" a@e.com ,b@e.com,, ", &["a@e.com", "b@e.com"]),
            (r#""Doe, Jane" <jane@e.com>, Bob <bob@e.com>"#, &[r#""Doe, Jane" <jane@e.com>"#, "Bob <bob@e.com>"]),
            (r#""Jane \"J, D\" Doe" <jane@e.com>, b@e.com"#, &[r#""Jane \"J, D\" Doe" <jane@e.com>"#, "b@e.com"]),
            ("Doe, Jane <jane@e.com>, b@e.com", &["Doe, Jane <jane@e.com>", "b@e.com"]),
            (r#""Doe, Jane <jane@e.com>, b@e.com"#, &[r#""Doe, Jane <jane@e.com>"#, "b@e.com"]),
            (r#""a,b"@e.com, c@e.com"#, &[r#""a,b"@e.com"#, "c@e.com"]),
            ("+15550100, +1 (555) 0123", &["+15550100", "+1 (555) 0123"]),
            ("[email protected]", &["[email protected]"]),
            ("a@e.com, undisclosed", &["a@e.com", "undisclosed"]),
            (" , ", &[]),
            ("", &[]),
        ] {
            assert_eq!(expected, split(list), "{list}");
        }
    }

    #[test]
    fn a_name_before_the_address_is_the_nickname() {
        for (address, id, nickname) in [
            ("Acme <a@e.com>", "a@e.com", Some("Acme")),
            (r#""Doe, Jane" <j@e.com>"#, "j@e.com", Some("Doe, Jane")),
            (r#""J \"D\" \\ x" <j@e.com>"#, "j@e.com", Some(r#"J "D" \ x"#)),
            ("<a@e.com>", "a@e.com", None),
            ("a@e.com <a@e.com>", "a@e.com", None),
            (r#""" < a@e.com > "#, "a@e.com", None),
            (" a@e.com ", "a@e.com", None),
        ] {
            let party = party(address);
            assert_eq!((Some(id), Some(id)), (party.id.as_deref(), party.email.as_deref()), "{address}");
            assert_eq!((nickname, Some(IdType::Email)), (party.nickname.as_deref(), party.id_type), "{address}");
        }
        assert_eq!(Some(IdType::Phone), party("+1 555 0100").id_type);
        assert_eq!(Some(IdType::Opaque), party("Acme").id_type);
    }
}
