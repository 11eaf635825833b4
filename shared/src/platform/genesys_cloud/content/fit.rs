//! What fits a type, and what stays as it came.

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::ops::Deref;

/// A type that some values fit.
pub(super) trait Fit: Sized {
    /// Reads the value, or gives it back.
    fn fit(value: Value) -> Result<Self, Value>;
}

/// Takes a member out of an object; one that does not fit stays.
pub(super) fn fit<T: Fit>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    T::fit(members.remove(name)?).map_err(|value| members.insert(name.to_owned(), value)).ok()
}

impl Fit for Value {
    fn fit(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl Fit for String {
    fn fit(value: Value) -> Result<Self, Value> {
        if let Value::String(text) = value { Ok(text) } else { Err(value) }
    }
}

impl Fit for u64 {
    fn fit(value: Value) -> Result<Self, Value> {
        value.as_u64().ok_or(value)
    }
}

/// A list of what fits. Elements that do not are written back where they stood.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    elements: Vec<T>,
    /// The others, each with its index in the list as it came.
    others: Vec<(usize, Value)>,
}

impl<T> List<T> {
    /// The elements as the list came: none at the place of what does not fit.
    pub fn places(&self) -> impl Iterator<Item = Option<&T>> {
        let (mut elements, mut others) = (self.elements.iter(), self.others.iter().peekable());
        let length = self.elements.len() + self.others.len();
        (0..length).map(move |index| match others.next_if(|(place, _)| *place == index) {
            Some(_) => None,
            None => elements.next(),
        })
    }
}

impl<T: Fit> Fit for List<T> {
    fn fit(value: Value) -> Result<Self, Value> {
        let Value::Array(values) = value else { return Err(value) };
        let (mut elements, mut others) = (Vec::with_capacity(values.len()), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            match T::fit(value) {
                Ok(element) => elements.push(element),
                Err(value) => others.push((index, value)),
            }
        }
        Ok(Self { elements, others })
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let (mut elements, mut others) = (self.elements.iter(), self.others.iter().peekable());
        let length = self.elements.len() + self.others.len();
        let mut list = serializer.serialize_seq(Some(length))?;
        for index in 0..length {
            match others.next_if(|(place, _)| *place == index) {
                Some((_, value)) => list.serialize_element(value)?,
                None => elements.next().map_or(Ok(()), |element| list.serialize_element(element))?,
            }
        }
        list.end()
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::from(Vec::from_iter(elements))
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(elements: Vec<T>) -> Self {
        Self { elements, others: Vec::new() }
    }
}

impl<'l, T> IntoIterator for &'l List<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.elements.iter()
    }
}
