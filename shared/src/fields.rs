//! Reading JSON objects strictly: every fault is found and named by its JSON pointer, not only the first.

use crate::limits::{MAXIMUM_ID_BYTES, bounded};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// One thing that is wrong with a document. It names the field and never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(formatter, "{place} {}", self.detail)
    }
}

/// Adds a member's name or an element's index to a JSON pointer.
#[must_use]
pub fn pointer(parent: &str, segment: &str) -> String {
    format!("{parent}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

/// Reads one object: takes known members out one by one, and counts what is left over as a fault.
pub struct Fields<'f> {
    members: Map<String, Value>,
    path: String,
    faults: &'f mut Vec<Fault>,
}

impl<'f> Fields<'f> {
    /// Starts on `value`, which stands at `path`. A value that is not an object is a fault, and there is nothing more
    /// to read.
    pub fn of(value: Value, path: String, faults: &'f mut Vec<Fault>) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self { members, path, faults }),
            _ => {
                faults.push(Fault { pointer: path, detail: "must be an object".to_owned() });
                None
            }
        }
    }

    /// Whether a member is there and not read yet.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Reads a member that must be there. `None` means that a fault was noted.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        if !self.has(name) {
            self.fault(name, "is required");
        }
        self.optional(name, read)
    }

    /// Reads a member that may be absent. `None` means absent or that a fault was noted.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let value = self.members.remove(name)?;
        read(value).map_err(|detail| self.fault(name, &detail)).ok()
    }

    /// Reads a member that is an object itself and must be there.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        if !self.has(name) {
            self.fault(name, "is required");
        }
        self.optional_object(name, read)
    }

    /// Reads a member that is an object itself and may be absent.
    pub fn optional_object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        let value = self.members.remove(name)?;
        Self::read_at(value, pointer(&self.path, name), self.faults, read)
    }

    /// Reads a member that is an object itself or, in short, a single value, and may be absent.
    pub fn optional_value_or_object<T>(
        &mut self,
        name: &str,
        value: impl FnOnce(Value) -> Result<T, String>,
        object: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.members.get(name) {
            Some(Value::Object(_)) => self.optional_object(name, object),
            _ => self.optional(name, value),
        }
    }

    /// Reads a member that is a list of objects and may be absent; absent is empty.
    pub fn objects<T>(&mut self, name: &str, mut read: impl FnMut(&mut Fields<'_>) -> Option<T>) -> Option<Vec<T>> {
        let path = pointer(&self.path, name);
        match self.members.remove(name) {
            None => Some(Vec::new()),
            Some(Value::Array(elements)) => elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| {
                    Self::read_at(element, pointer(&path, &index.to_string()), self.faults, &mut read)
                })
                .collect::<Vec<_>>()
                .into_iter()
                .collect(),
            Some(_) => {
                self.fault(name, "must be a list of objects");
                None
            }
        }
    }

    /// Notes that something is wrong with member `name`.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.faults.push(Fault { pointer: pointer(&self.path, name), detail: detail.to_owned() });
    }

    /// Notes that something is wrong with the object itself.
    pub fn fault_here(&mut self, detail: &str) {
        self.faults.push(Fault { pointer: self.path.clone(), detail: detail.to_owned() });
    }

    /// Ends the reading of this object: members that nobody asked for are faults.
    fn finish(self) {
        for name in self.members.keys() {
            let detail = "is not a known field".to_owned();
            self.faults.push(Fault { pointer: pointer(&self.path, &bounded(name)), detail });
        }
    }

    fn read_at<T>(
        value: Value,
        path: String,
        faults: &mut Vec<Fault>,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut fields = Fields::of(value, path, faults)?;
        let result = read(&mut fields);
        fields.finish();
        result
    }
}

/// Reads a whole document.
///
/// # Errors
/// Every fault that was found, in the order of reading.
pub fn read<T>(value: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Vec<Fault>> {
    let mut faults = Vec::new();
    let result = Fields::read_at(value, String::new(), &mut faults, read);
    match result {
        Some(result) if faults.is_empty() => Ok(result),
        _ => Err(faults),
    }
}

/// A text that is not blank.
///
/// # Errors
/// What is wrong, without the value.
pub fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Err("must not be empty or blank".to_owned()),
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

/// An id of the caller's: a text of at most [`MAXIMUM_ID_BYTES`], because it goes into a platform's addresses and bodies.
///
/// # Errors
/// What is wrong, without the value.
pub fn id(value: Value) -> Result<String, String> {
    let id = text(value)?;
    if id.len() > MAXIMUM_ID_BYTES { Err(format!("must have at most {MAXIMUM_ID_BYTES} bytes")) } else { Ok(id) }
}

/// A text that one of the standard parsers reads; `what` says what it must be.
///
/// # Errors
/// What is wrong, without the value.
pub fn parsed<T: std::str::FromStr>(what: &'static str) -> impl FnOnce(Value) -> Result<T, String> {
    move |value| text(value)?.parse().map_err(|_| format!("must be {what}"))
}

/// `true` or `false`.
///
/// # Errors
/// What is wrong, without the value.
pub fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A list with at least one element, each read by `read`.
///
/// # Errors
/// What is wrong with the list or with its first bad element, without the value.
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

/// A whole number of `unit` (seconds, bytes) within bounds.
///
/// # Errors
/// What is wrong, without the value.
pub fn whole_number(
    unit: &'static str,
    bounds: std::ops::RangeInclusive<u64>,
) -> impl FnOnce(Value) -> Result<u64, String> {
    move |value| {
        whole(&value)
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| format!("must be a whole number of {unit} from {} to {}", bounds.start(), bounds.end()))
    }
}

/// A whole number that is not negative, however it is written: to JSON, 5 and 5.0 are the same.
#[must_use]
pub fn whole(value: &Value) -> Option<u64> {
    // So far every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let with_a_point = || value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=EXACT).contains(number));
    value.as_u64().or_else(|| with_a_point().map(|number| number as u64))
}

/// A media type by RFC 6838: `type/subtype` in lower case, with whatever parameters there are.
///
/// # Errors
/// What is wrong, without the value.
pub fn mime(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let text = text.trim();
    // Parameters go along as they are, where a header can hold them.
    let printable = |character: char| matches!(character, '\t' | ' '..='~');
    let essence = media_type(text).filter(|_| text.chars().all(printable));
    let essence = essence.ok_or_else(|| "must be a media type, such as image/png".to_owned())?;
    let parameters = text.split_once(';').map(|(_, parameters)| format!(";{parameters}"));
    Ok(essence + &parameters.unwrap_or_default())
}

/// The `type/subtype` of a media type in lower case, if it is one.
#[must_use]
pub fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        (1..=127).contains(&name.len()) && name.bytes().all(allowed)
    };
    (is_name(kind) && is_name(subtype)).then_some(essence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(value: Value) -> Vec<String> {
        read(value, |fields| {
            let name = fields.required("name", text);
            let age = fields.optional("age", whole_number("seconds", 1..=9));
            let inner = fields.object("inner", |inner| inner.required("flag", boolean));
            let items = fields.objects("items", |item| item.required("a/b", text));
            Some((name?, age, inner?, items?))
        })
        .map_or_else(|faults| faults.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    #[test]
    fn a_good_document_has_no_faults() {
        assert!(faults(json!({"name": "n", "inner": {"flag": true}, "items": [{"a/b": "c"}]})).is_empty());
    }

    #[test]
    fn all_faults_are_reported_together_each_at_its_place() {
        let found = faults(json!({"age": 10, "inner": {"flag": "yes", "more": 1}, "items": [{}, 5], "x~y": 0}));
        assert_eq!(
            vec![
                "/name is required",
                "/age must be a whole number of seconds from 1 to 9",
                "/inner/flag must be true or false",
                "/inner/more is not a known field",
                "/items/0/a~1b is required",
                "/items/1 must be an object",
                "/x~0y is not a known field",
            ],
            found
        );
    }

    #[test]
    fn an_id_has_at_most_512_bytes() {
        assert_eq!(Ok("é".repeat(256)), id("é".repeat(256).into()));
        assert_eq!(Err("must have at most 512 bytes".to_owned()), id("x".repeat(513).into()));
        assert_eq!(Err("must not be empty or blank".to_owned()), id(" ".into()));
    }

    #[test]
    fn the_name_of_an_unknown_field_is_cut_off_where_it_is_longer_than_an_id() {
        let found = faults(json!({"name": "n", "inner": {"flag": true}, "x".repeat(100_000): 0}));
        let [fault] = found.as_slice() else { panic!("{} faults", found.len()) };
        assert!(fault.ends_with("…(cut) is not a known field") && fault.len() < 600, "{fault}");
    }

    #[test]
    fn a_document_that_is_no_object_is_one_fault() {
        assert_eq!(vec!["the document must be an object"], faults(json!([])));
    }

    #[test]
    fn a_whole_number_is_the_same_with_a_point() {
        for (number, expected) in [
            (json!(5), Some(5)),
            (json!(5.0), Some(5)),
            (json!(5e2), Some(500)),
            (json!(5.5), None),
            (json!(-5.0), None),
            (json!(1e300), None),
            (json!("5"), None),
        ] {
            assert_eq!(expected, whole(&number), "{number}");
        }
        assert_eq!(Ok(5), whole_number("seconds", 1..=9)(json!(5.0)));
    }

    #[test]
    fn a_media_type_is_two_names_and_perhaps_parameters() {
        assert_eq!(Ok("image/png".to_owned()), mime(json!(" Image/PNG ")));
        assert_eq!(Ok("text/plain; charset=UTF-8".to_owned()), mime(json!("TEXT/plain; charset=UTF-8")));
        for wrong in ["png", "image/", "/png", "image/p ng", "image/png\u{e4}", "a/b/c", "a/b;c\u{18}", "a/b;\u{e4}"] {
            assert!(mime(json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_names_its_first_bad_element() {
        assert_eq!(Err("element 1 must not be empty or blank".to_owned()), list(text)(json!(["a", "", 5])));
        assert_eq!(Err("must have at least one element".to_owned()), list(text)(json!([])));
    }
}
