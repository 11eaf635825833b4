//! Reading JSON objects: every fault is found and named by its JSON pointer, not only the first.
//!
//! In a caller's request a member that is `null` or a blank text is absent, at every depth: generated clients write such
//! members, also for fields of a newer version. In an integration's configuration it is a fault, because there an absent
//! member often allows more: a caller without `routes` may use all of them.

use crate::limits::{MAXIMUM_ID_BYTES, bounded};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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

/// What a member is that is `null` or a blank text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    /// As if it were not there.
    Absent,
    /// A value like any other, which most readers refuse.
    Present,
}

/// Reads one object: takes known members out one by one, and counts what is left over as a fault.
pub struct Fields<'f> {
    members: Map<String, Value>,
    /// The names that were asked for so far.
    known: Vec<&'static str>,
    path: String,
    blank: Blank,
    faults: &'f mut Vec<Fault>,
}

impl<'f> Fields<'f> {
    /// Starts on `value`, which stands at `path`. A value that is not an object is a fault, and there is nothing more
    /// to read.
    fn of(value: Value, path: String, blank: Blank, faults: &'f mut Vec<Fault>) -> Option<Self> {
        match value {
            Value::Object(mut members) => {
                if blank == Blank::Absent {
                    members.retain(|_, value| !is_blank(value));
                }
                Some(Self { members, known: Vec::new(), path, blank, faults })
            }
            _ => {
                faults.push(Fault { pointer: path, detail: "must be an object".to_owned() });
                None
            }
        }
    }

    /// Whether a member is there and not read yet.
    #[must_use]
    pub fn has(&mut self, name: &'static str) -> bool {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.contains_key(name)
    }

    /// Whether a member is there, not read yet, and an object.
    #[must_use]
    pub fn has_object(&mut self, name: &'static str) -> bool {
        self.has(name) && self.members.get(name).is_some_and(Value::is_object)
    }

    /// Where member `name` stands.
    #[must_use]
    pub fn pointer(&self, name: &str) -> String {
        pointer(&self.path, name)
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        if self.has(name) { self.members.remove(name) } else { None }
    }

    /// Reads a member that must be there. `None` means that a fault was noted.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        if !self.has(name) {
            self.fault(name, "is required");
        }
        self.optional(name, read)
    }

    /// Reads a member that may be absent. `None` means absent or that a fault was noted.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let value = self.take(name)?;
        read(value).map_err(|detail| self.fault(name, &detail)).ok()
    }

    /// Reads a member that is an object itself and must be there.
    pub fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        if !self.has(name) {
            self.fault(name, "is required");
        }
        self.optional_object(name, read)
    }

    /// Reads a member that is an object itself and may be absent.
    pub fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        Self::read_at(value, pointer(&self.path, name), self.blank, self.faults, read)
    }

    /// Reads a member that is an object itself or, in short, a single value, and may be absent.
    pub fn optional_value_or_object<T>(
        &mut self,
        name: &'static str,
        value: impl FnOnce(Value) -> Result<T, String>,
        object: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.members.get(name) {
            Some(Value::Object(_)) => self.optional_object(name, object),
            _ => self.optional(name, value),
        }
    }

    /// Reads a member that is a list of objects and may be absent; absent is empty. An element that is `null` is passed
    /// over where such a member is absent.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let path = pointer(&self.path, name);
        match self.take(name) {
            None => Some(Vec::new()),
            Some(Value::Array(elements)) => elements
                .into_iter()
                .enumerate()
                .filter(|(_, element)| !(self.blank == Blank::Absent && element.is_null()))
                .map(|(index, element)| {
                    Self::read_at(element, pointer(&path, &index.to_string()), self.blank, self.faults, &mut read)
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

    /// Reads a member that is a flat map of texts and may be absent; absent is empty. Numbers and booleans become their
    /// text, and a member that is `null` is none.
    pub fn texts(&mut self, name: &'static str) -> Option<BTreeMap<String, String>> {
        let path = pointer(&self.path, name);
        let members = match self.take(name) {
            None => return Some(BTreeMap::new()),
            Some(Value::Object(members)) => members,
            Some(_) => {
                self.fault(name, "must be an object whose values are strings, numbers or booleans");
                return None;
            }
        };
        let mut texts = BTreeMap::new();
        let mut is_good = true;
        for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
            match scalar_text(&value) {
                Ok(text) => {
                    texts.insert(name, text);
                }
                Err(detail) => {
                    let detail = detail.to_owned();
                    self.faults.push(Fault { pointer: pointer(&path, &bounded(&name)), detail });
                    is_good = false;
                }
            }
        }
        is_good.then_some(texts)
    }

    /// Notes that something is wrong with member `name`.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.faults.push(Fault { pointer: pointer(&self.path, name), detail: detail.to_owned() });
    }

    /// Notes that something is wrong with the object itself.
    pub fn fault_here(&mut self, detail: &str) {
        self.faults.push(Fault { pointer: self.path.clone(), detail: detail.to_owned() });
    }

    /// Ends the reading of this object: unknown members are faults.
    fn finish(self) {
        for name in self.members.keys() {
            let detail = format!("is not a known field; known are {}", self.known.join(", "));
            self.faults.push(Fault { pointer: pointer(&self.path, &bounded(name)), detail });
        }
    }

    fn read_at<T>(
        value: Value,
        path: String,
        blank: Blank,
        faults: &mut Vec<Fault>,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut fields = Fields::of(value, path, blank, faults)?;
        let result = read(&mut fields);
        fields.finish();
        result
    }
}

/// Reads a caller's request.
///
/// # Errors
/// Every fault that was found, in the order of reading.
pub fn read<T>(value: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Vec<Fault>> {
    read_document(value, Blank::Absent, read)
}

/// Reads an integration's configuration, in which a member that is `null` or blank is a fault.
///
/// # Errors
/// Every fault that was found, in the order of reading.
pub fn read_configuration<T>(value: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Vec<Fault>> {
    read_document(value, Blank::Present, read)
}

fn read_document<T>(
    value: Value,
    blank: Blank,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Vec<Fault>> {
    let mut faults = Vec::new();
    let result = Fields::read_at(value, String::new(), blank, &mut faults, read);
    match result {
        Some(result) if faults.is_empty() => Ok(result),
        _ => Err(faults),
    }
}

/// Whether a value is `null` or a text of nothing but white space.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The text of a string, a number or a boolean: whole numbers as digits, others as JSON writes them. A number of more digits
/// than are kept (of a card or an account, say) would become another number.
fn scalar_text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(boolean) => Ok(boolean.to_string()),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if is_whole(float) => Ok((float as i64).to_string()),
            Some(float) if float.fract() == 0.0 => Err("is a number of too many digits: write it as a string"),
            _ => Ok(number.to_string()),
        },
        _ => Err("must be a string, a number, true or false"),
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

/// One of a few words, in any case; white space around it does not count.
///
/// # Errors
/// It is none of them: the detail names all of them.
pub fn one_of<T: Clone>(words: &[(&str, T)]) -> impl Fn(Value) -> Result<T, String> {
    move |value| {
        let given = value.as_str().unwrap_or_default().trim();
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(given));
        found.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            match words.split_last() {
                Some((last, others)) if !others.is_empty() => format!("must be {} or {last}", others.join(", ")),
                _ => format!("must be {}", words.concat()),
            }
        })
    }
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
    let with_a_point = || value.as_f64().filter(|number| is_whole(*number) && *number >= 0.0);
    value.as_u64().or_else(|| with_a_point().map(|number| number as u64))
}

/// Whether a double is a whole number, and no other whole number has the same double.
fn is_whole(number: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.fract() == 0.0 && number.abs() < EXACT
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
pub(crate) mod tests;
