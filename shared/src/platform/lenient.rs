//! Lenient reading of a platform's JSON.
//!
//! A rejected webhook is a message that the customer never gets. So a member of an unexpected type counts as absent, and
//! the rest is still read. Whatever security depends on is checked afterwards, on the values that were read here.

use serde_json::{Map, Value};

/// The members of an object. Reading a member removes it.
#[derive(Clone)]
pub(super) struct Members(pub(super) Map<String, Value>);

impl Members {
    /// The members of `value`, if it is an object.
    pub(super) fn of(value: Value) -> Option<Self> {
        if let Value::Object(members) = value { Some(Self(members)) } else { None }
    }

    /// Whether the member is present and not `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        text(self.take(name))
    }

    /// A value of an open enumeration. A blank text counts as absent.
    pub(super) fn word<T: From<String>>(&mut self, name: &str) -> Option<T> {
        self.text(name).filter(|word| !word.trim().is_empty()).map(T::from)
    }

    pub(super) fn id(&mut self, name: &str) -> Option<String> {
        id(self.take(name))
    }

    /// A number that is not negative, rounded. It may be written as a text.
    pub(super) fn count(&mut self, name: &str) -> Option<u64> {
        let value = self.take(name);
        let number = match &value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let rounded =
            || number.filter(|number| number.is_finite() && *number >= 0.0).map(|number| number.round() as u64);
        value.as_u64().or_else(rounded)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name) {
            Value::Bool(flag) => Some(flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Option<Self> {
        Self::of(self.take(name))
    }

    /// The elements of a list other than `null`. A value that is not a list counts as its only element.
    pub(super) fn list(&mut self, name: &str) -> impl Iterator<Item = Value> {
        let elements = match self.take(name) {
            Value::Array(elements) => elements,
            one => vec![one],
        };
        elements.into_iter().filter(|element| !element.is_null())
    }

    /// The elements of a list that are objects.
    pub(super) fn objects(&mut self, name: &str) -> impl Iterator<Item = Self> {
        self.list(name).filter_map(Self::of)
    }

    fn take(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_default()
    }
}

/// A text that is not empty.
pub(super) fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text).filter(|text| !text.is_empty()) } else { None }
}

/// An id that is not blank. It may be written as a whole number; with a fraction or an exponent digits may be lost.
pub(super) fn id(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T>(value: Value, read: impl FnOnce(&mut Members, &str) -> T) -> T {
        read(&mut Members::of(json!({ "name": value })).unwrap(), "name")
    }

    /// Values of no scalar type other than a boolean.
    fn odd() -> [Value; 5] {
        [json!(null), json!(true), json!([]), json!([null]), json!({"a": {"b": []}})]
    }

    #[test]
    fn a_text_is_a_text_that_is_not_empty() {
        assert_eq!(Some(" ".to_owned()), read(json!(" "), Members::text));
        for none in odd().into_iter().chain([json!(""), json!(5), json!(1.5)]) {
            assert_eq!(None, read(none.clone(), Members::text), "{none}");
        }
    }

    #[test]
    fn an_id_may_be_a_whole_number() {
        for (value, expected) in
            [(json!("a"), "a"), (json!(5), "5"), (json!(-5), "-5"), (json!(u64::MAX), "18446744073709551615")]
        {
            assert_eq!(Some(expected), read(value, Members::id).as_deref());
        }
        for none in odd().into_iter().chain([json!(""), json!(" "), json!(1.5), json!(1e3)]) {
            assert_eq!(None, read(none.clone(), Members::id), "{none}");
        }
    }

    #[test]
    fn a_count_may_be_a_text_or_have_a_fraction() {
        for value in [json!(42), json!(42.0), json!(41.6), json!("42"), json!(" 42.0 ")] {
            assert_eq!(Some(42), read(value.clone(), Members::count), "{value}");
        }
        assert_eq!(Some(u64::MAX), read(json!(u64::MAX), Members::count), "no digit is lost");
        for none in
            odd().into_iter().chain([json!(""), json!("x"), json!(-1), json!("NaN"), json!("inf"), json!("1e999")])
        {
            assert_eq!(None, read(none.clone(), Members::count), "{none}");
        }
    }

    #[test]
    fn a_flag_may_be_a_text() {
        for (value, expected) in [(json!(true), true), (json!("False"), false)] {
            assert_eq!(Some(expected), read(value, Members::flag));
        }
        for none in [json!(null), json!(1), json!("yes"), json!([true])] {
            assert_eq!(None, read(none.clone(), Members::flag), "{none}");
        }
    }

    #[test]
    fn a_single_value_counts_as_a_list_and_nulls_are_skipped() {
        for (value, expected) in [
            (json!([1, null, "a"]), vec![json!(1), json!("a")]),
            (json!({"a": 1}), vec![json!({"a": 1})]),
            (json!("a"), vec![json!("a")]),
            (json!(null), vec![]),
            (json!([null]), vec![]),
        ] {
            assert_eq!(expected, read(value, |members, name| members.list(name).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn a_null_member_counts_as_absent() {
        assert!(read(json!(0), |members, name| members.has(name)));
        assert!(!read(json!(null), |members, name| members.has(name)));
    }
}
