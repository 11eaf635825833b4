//! Deserialization that keeps values of an unexpected type.

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::ops::Deref;

/// A type that can be read from some values.
pub(super) trait TryDeserialize: Sized {
    /// Reads the value, or returns it unchanged.
    fn try_deserialize(value: Value) -> Result<Self, Value>;
}

/// Removes and reads a member of an object; one of another type stays in the object.
pub(super) fn take<T: TryDeserialize>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    T::try_deserialize(members.remove(name)?).map_err(|value| members.insert(name.to_owned(), value)).ok()
}

impl TryDeserialize for Value {
    fn try_deserialize(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl TryDeserialize for String {
    fn try_deserialize(value: Value) -> Result<Self, Value> {
        if let Value::String(text) = value { Ok(text) } else { Err(value) }
    }
}

impl TryDeserialize for u64 {
    fn try_deserialize(value: Value) -> Result<Self, Value> {
        value.as_u64().ok_or(value)
    }
}

/// A list of elements of one type. Elements of other types are kept, and serialized at their original index.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T> {
    elements: Vec<T>,
    /// Elements of other types, each with its original index.
    others: Vec<(usize, Value)>,
}

impl<T> List<T> {
    /// The elements in the original list, with `None` for an element of another type.
    pub fn entries(&self) -> impl Iterator<Item = Option<&T>> {
        let (mut elements, mut others) = (self.elements.iter(), self.others.iter().peekable());
        let length = self.elements.len() + self.others.len();
        (0..length).map(move |index| match others.next_if(|(at, _)| *at == index) {
            Some(_) => None,
            None => elements.next(),
        })
    }
}

impl<T: TryDeserialize> TryDeserialize for List<T> {
    fn try_deserialize(value: Value) -> Result<Self, Value> {
        let Value::Array(values) = value else { return Err(value) };
        let (mut elements, mut others) = (Vec::with_capacity(values.len()), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            match T::try_deserialize(value) {
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
            match others.next_if(|(at, _)| *at == index) {
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
