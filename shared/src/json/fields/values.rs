//! Readers for single values. A reader returns what is wrong as a text that never quotes the value.

use crate::limits::MAX_ID_BYTES;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// Whether a value is `null` or a string of nothing but whitespace.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A string, number or boolean as text: whole numbers as digits, others as in JSON. A float with more digits than a double
/// holds (a card or account number, for instance) would silently change, and is an error.
pub(super) fn scalar_text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(boolean) => Ok(boolean.to_string()),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if is_whole(float) => Ok((float as i64).to_string()),
            Some(float) if float.fract() == 0.0 => Err("has too many digits for a number: write it as a string"),
            _ => Ok(number.to_string()),
        },
        _ => Err("must be a string, a number, true or false"),
    }
}

/// Reads a string that is not blank.
pub fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Err("must not be empty or blank".to_owned()),
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

/// Reads a text of at most `maximum` characters.
pub fn text_up_to(maximum: usize) -> impl FnOnce(Value) -> Result<String, String> {
    move |value| {
        let text = text(value)?;
        if text.chars().count() > maximum { Err(format!("must have at most {maximum} characters")) } else { Ok(text) }
    }
}

/// Reads a secret that is not blank.
pub fn secret(value: Value) -> Result<SecretString, String> {
    text(value).map(SecretString::from)
}

/// Reads a secret that two sides share, such as a signing key or a token, of a minimum length.
pub fn shared_secret(minimum_characters: usize) -> impl Fn(Value) -> Result<SecretString, String> {
    move |value| {
        let text = text(value)?;
        if text.chars().count() < minimum_characters {
            return Err(format!("must have at least {minimum_characters} characters"));
        }
        Ok(text.into())
    }
}

/// Reads an id: a string of at most [`MAX_ID_BYTES`], because it goes into URLs and bodies of a platform's API.
pub fn id(value: Value) -> Result<String, String> {
    let id = text(value)?;
    if id.len() > MAX_ID_BYTES { Err(format!("must have at most {MAX_ID_BYTES} bytes")) } else { Ok(id) }
}

/// Reads one of a few words, case-insensitively and with surrounding whitespace ignored.
/// The error lists them all.
pub fn one_of<T: Clone>(words: &[(&str, T)]) -> impl Fn(Value) -> Result<T, String> {
    move |value| {
        let text = value.as_str().unwrap_or_default().trim();
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            match words.split_last() {
                Some((last, others)) if !others.is_empty() => format!("must be {} or {last}", others.join(", ")),
                _ => format!("must be {}", words.concat()),
            }
        })
    }
}

/// Reads a string with `FromStr`; `what` names the expected format.
pub fn parse_with<T: std::str::FromStr>(what: &'static str) -> impl FnOnce(Value) -> Result<T, String> {
    move |value| text(value)?.parse().map_err(|_| format!("must be {what}"))
}

/// Reads an `https` URL.
pub fn https_url(value: Value) -> Result<Url, String> {
    let url = Url::parse(&text(value)?).ok().filter(|url| url.scheme() == "https");
    url.ok_or_else(|| "must be an https URL".to_owned())
}

/// Reads `true` or `false`.
pub fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// Reads a list with at least one element, each with `read`.
/// The error is about the list or its first invalid element.
pub fn list<T>(read: impl Fn(Value) -> Result<T, String>) -> impl FnOnce(Value) -> Result<Vec<T>, String> {
    move |value| match value {
        Value::Array(elements) if elements.is_empty() => Err("must have at least one element".to_owned()),
        Value::Array(elements) => elements
            .into_iter()
            .enumerate()
            .map(|(index, element)| read(element).map_err(|detail| format!("element {index} {detail}")))
            .collect(),
        _ => Err("must be a list".to_owned()),
    }
}

/// Reads a whole number of `unit` (seconds, bytes) within bounds.
pub fn integer_in(
    unit: &'static str,
    bounds: std::ops::RangeInclusive<u64>,
) -> impl FnOnce(Value) -> Result<u64, String> {
    move |value| {
        as_whole_number(&value)
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| format!("must be a whole number of {unit} from {} to {}", bounds.start(), bounds.end()))
    }
}

/// A non-negative whole number in any notation: in JSON, 5 and 5.0 are the same.
#[must_use]
pub fn as_whole_number(value: &Value) -> Option<u64> {
    let from_float = || value.as_f64().filter(|number| is_whole(*number) && *number >= 0.0);
    value.as_u64().or_else(|| from_float().map(|number| number as u64))
}

/// Whether a double is a whole number that it represents exactly.
fn is_whole(number: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.fract() == 0.0 && number.abs() < EXACT
}

/// Reads a media type (RFC 6838): `type/subtype` in lower case, with its parameters unchanged.
pub fn media_type_with_parameters(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let text = text.trim();
    // It must be valid in an HTTP header.
    let printable = |character: char| matches!(character, '\t' | ' '..='~');
    let essence = media_type_essence(text).filter(|_| text.chars().all(printable));
    let essence = essence.ok_or_else(|| "must be a media type, such as image/png".to_owned())?;
    let parameters = text.split_once(';').map(|(_, parameters)| format!(";{parameters}"));
    Ok(essence + &parameters.unwrap_or_default())
}

/// The `type/subtype` of a media type in lower case; `None` if the text is not a media type.
#[must_use]
pub fn media_type_essence(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        (1..=127).contains(&name.len()) && name.bytes().all(allowed)
    };
    (is_name(kind) && is_name(subtype)).then_some(essence)
}
