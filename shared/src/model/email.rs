//! Emails in callers' requests.

use crate::json::fields::{Fields, is_blank, text};
use serde_json::Value;

/// Maximum number of addresses in each list.
const MAX_ADDRESSES: usize = 100;

/// The addresses in `cc` and `bcc`.
pub(super) fn addresses(fields: &mut Fields<'_>) -> [Vec<String>; 2] {
    ["cc", "bcc"].map(|name| fields.optional(name, address_list).unwrap_or_default())
}

/// Reads an address or a list of them, of which those that are `null` or blank are left out.
fn address_list(value: Value) -> Result<Vec<String>, String> {
    let elements = match value {
        Value::Array(elements) => elements,
        one => vec![one],
    };
    let texts = elements.into_iter().filter(|element| !is_blank(element)).map(text);
    let texts: Vec<_> = texts.collect::<Result<_, _>>().map_err(|_| "must be a list of texts".to_owned())?;
    let has_too_many = texts.len() > MAX_ADDRESSES;
    if has_too_many { Err(format!("must have at most {MAX_ADDRESSES} elements")) } else { Ok(texts) }
}
