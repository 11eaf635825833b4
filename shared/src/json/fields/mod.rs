//! Reads JSON objects field by field. All errors are reported, each with its JSON pointer, not only the first.
//!
//! In a caller's request, a member that is `null` or a blank string counts as absent, at every depth: generated clients
//! write such members, also for fields of a newer version. In an integration's configuration it is an error, because there
//! an absent member often permits more: a caller without `routes` may use all of them.

mod values;

use crate::limits::bounded;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use values::scalar_text;
pub use values::{
    as_whole_number, boolean, https_url, id, integer_in, is_blank, list, media_type_essence,
    media_type_with_parameters, one_of, parse_with, secret, shared_secret, text, text_up_to,
};

/// An error in a document. It names the field and never quotes the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field; empty for the whole document.
    pub pointer: String,
    pub detail: String,
}

impl FieldError {
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(formatter, "{field} {}", self.detail)
    }
}

/// Appends a member's name or an element's index to a JSON pointer.
#[must_use]
pub fn pointer(parent: &str, segment: &str) -> String {
    format!("{parent}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

/// How a member that is `null` or a blank string is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    Absent,
    /// Like any other value, which most readers reject.
    Present,
}

/// Reads one object: removes the known members one by one, and reports the remaining ones as errors.
pub struct Fields<'f> {
    members: Map<String, Value>,
    /// The names that have been read so far, for the error about unknown ones.
    known: Vec<&'static str>,
    path: String,
    blank: Blank,
    errors: &'f mut Vec<FieldError>,
}

impl<'f> Fields<'f> {
    /// Starts to read `value` at `path`. A value that is not an object is an error.
    fn new(value: Value, path: String, blank: Blank, errors: &'f mut Vec<FieldError>) -> Option<Self> {
        match value {
            Value::Object(mut members) => {
                if blank == Blank::Absent {
                    members.retain(|_, value| !is_blank(value));
                }
                Some(Self { members, known: Vec::new(), path, blank, errors })
            }
            _ => {
                errors.push(FieldError::new(path, "must be an object"));
                None
            }
        }
    }

    /// Whether a member is present and has not been read yet.
    #[must_use]
    pub fn has(&mut self, name: &'static str) -> bool {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.contains_key(name)
    }

    /// Like [`Self::has`], for a member that is an object.
    #[must_use]
    pub fn has_object(&mut self, name: &'static str) -> bool {
        self.has(name) && self.members.get(name).is_some_and(Value::is_object)
    }

    /// The JSON pointer of a member.
    #[must_use]
    pub fn pointer(&self, name: &str) -> String {
        pointer(&self.path, name)
    }

    /// The JSON pointer of the object itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        if self.has(name) { self.members.remove(name) } else { None }
    }

    /// Reads a required member. `None` means that an error was recorded.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        if !self.has(name) {
            self.error(name, "is required");
        }
        self.optional(name, read)
    }

    /// Reads an optional member. `None` means that it is absent or that an error was recorded.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let value = self.take(name)?;
        read(value).map_err(|detail| self.error(name, &detail)).ok()
    }

    /// Reads a required member that is an object.
    pub fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        if !self.has(name) {
            self.error(name, "is required");
        }
        self.optional_object(name, read)
    }

    /// Reads an optional member that is an object.
    pub fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        Self::read_at(value, pointer(&self.path, name), self.blank, self.errors, read)
    }

    /// Reads an optional member that is an object or, as a short form, a single value.
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

    /// Reads an optional member that is a list of objects; absent means empty. An element that is `null` is skipped where
    /// a `null` member counts as absent.
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
                    Self::read_at(element, pointer(&path, &index.to_string()), self.blank, self.errors, &mut read)
                })
                .collect::<Vec<_>>()
                .into_iter()
                .collect(),
            Some(_) => {
                self.error(name, "must be a list of objects");
                None
            }
        }
    }

    /// Reads an optional member that is a flat map of strings; absent means empty. Numbers and booleans are converted to
    /// strings, and `null` entries are skipped.
    pub fn texts(&mut self, name: &'static str) -> Option<BTreeMap<String, String>> {
        let path = pointer(&self.path, name);
        let members = match self.take(name) {
            None => return Some(BTreeMap::new()),
            Some(Value::Object(members)) => members,
            Some(_) => {
                self.error(name, "must be an object whose values are strings, numbers or booleans");
                return None;
            }
        };
        let mut texts = BTreeMap::new();
        let mut is_valid = true;
        for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
            match scalar_text(&value) {
                Ok(text) => {
                    texts.insert(name, text);
                }
                Err(detail) => {
                    self.errors.push(FieldError::new(pointer(&path, &bounded(&name)), detail));
                    is_valid = false;
                }
            }
        }
        is_valid.then_some(texts)
    }

    /// Records an error in member `name`.
    pub fn error(&mut self, name: &str, detail: &str) {
        self.errors.push(FieldError::new(pointer(&self.path, name), detail));
    }

    /// Records an error in the object itself.
    pub fn error_here(&mut self, detail: &str) {
        self.errors.push(FieldError::new(self.path.clone(), detail));
    }

    /// Records an error for each member that has not been read: unknown fields are errors.
    fn finish(self) {
        for name in self.members.keys() {
            let detail = format!("is not a known field; known are {}", self.known.join(", "));
            self.errors.push(FieldError::new(pointer(&self.path, &bounded(name)), detail));
        }
    }

    fn read_at<T>(
        value: Value,
        path: String,
        blank: Blank,
        errors: &mut Vec<FieldError>,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut fields = Fields::new(value, path, blank, errors)?;
        let result = read(&mut fields);
        fields.finish();
        result
    }
}

/// Reads a caller's request.
///
/// # Errors
/// All errors, in the order of reading.
pub fn read<T>(value: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Vec<FieldError>> {
    read_document(value, Blank::Absent, read)
}

/// Reads an integration's configuration, in which a member that is `null` or blank is an error.
///
/// # Errors
/// All errors, in the order of reading.
pub fn read_configuration<T>(
    value: Value,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Vec<FieldError>> {
    read_document(value, Blank::Present, read)
}

fn read_document<T>(
    value: Value,
    blank: Blank,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Vec<FieldError>> {
    let mut errors = Vec::new();
    let result = Fields::read_at(value, String::new(), blank, &mut errors, read);
    match result {
        Some(result) if errors.is_empty() => Ok(result),
        _ => Err(errors),
    }
}

#[cfg(test)]
pub(crate) mod tests;
