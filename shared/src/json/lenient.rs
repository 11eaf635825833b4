//! Lenient reading of a webhook's JSON.
//!
//! A rejected webhook is a message that the customer never gets. So a member of an unexpected type counts as absent, and
//! the rest is still read. Whatever security depends on is checked afterwards, on the values that were read here.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The members of an object. Each is parsed when it is read, so unknown members cost next to nothing.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Members<'j>(#[serde(borrow)] BTreeMap<String, &'j RawValue>);

impl<'j> Members<'j> {
    /// The members of `value`, if it is an object.
    pub(crate) fn of(value: &'j RawValue) -> Option<Self> {
        if value.get().starts_with('{') { serde_json::from_str(value.get()).ok() } else { None }
    }

    /// All members but these.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.0.remove(*name);
        }
        self
    }

    /// Whether the member is present and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// Whether the member is a text that is not blank, without reading all of it.
    pub(crate) fn has_text(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.get().starts_with('"') && !value.get().trim_matches('"').trim().is_empty())
    }

    /// A value of an open enumeration. A blank text counts as absent.
    pub(crate) fn word<T: From<String>>(&self, name: &str) -> Option<T> {
        self.text(name).filter(|word| !word.trim().is_empty()).map(T::from)
    }

    pub(crate) fn id(&self, name: &str) -> Option<String> {
        id(self.get(name)?)
    }

    /// A number that is not negative, rounded. It may be written as a text.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        let value = scalar(self.get(name)?)?;
        let number = match &value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let rounded =
            || number.filter(|number| number.is_finite() && *number >= 0.0).map(|number| number.round() as u64);
        value.as_u64().or_else(rounded)
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match scalar(self.get(name)?)? {
            Value::Bool(flag) => Some(flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.get(name)?)
    }

    /// All of an object.
    pub(crate) fn json(&self, name: &str) -> Option<Map<String, Value>> {
        if let Value::Object(members) = value(self.get(name)?) { Some(members) } else { None }
    }

    /// The elements of a list other than `null`. A value that is not a list counts as its only element.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &'j RawValue> + use<'j> {
        let elements = match self.get(name) {
            Some(list) if list.get().starts_with('[') => serde_json::from_str(list.get()).unwrap_or_default(),
            one => Vec::from_iter(one),
        };
        elements.into_iter().filter(|element| !is_null(element))
    }

    /// The elements of a list that are objects.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> + use<'j> {
        self.list(name).filter_map(Self::of)
    }

    fn get(&self, name: &str) -> Option<&'j RawValue> {
        self.0.get(name).copied().filter(|value| !is_null(value))
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// Parses all of a value. A number out of the range of a double, or half of a surrogate pair, makes it `null`; accepted
/// webhooks have neither.
pub(crate) fn value(value: &RawValue) -> Value {
    serde_json::from_str(value.get()).unwrap_or_default()
}

fn scalar(scalar: &RawValue) -> Option<Value> {
    if scalar.get().starts_with(['{', '[']) { None } else { Some(value(scalar)) }
}

/// A text that is not empty.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    let text: Option<String> = if value.get().starts_with('"') { serde_json::from_str(value.get()).ok() } else { None };
    text.filter(|text| !text.is_empty())
}

/// An id that is not blank. It may be written as a whole number; with a fraction or an exponent digits may be lost.
pub(crate) fn id(value: &RawValue) -> Option<String> {
    match scalar(value)? {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    fn read<T>(value: Value, read: impl FnOnce(&Members<'static>, &str) -> T) -> T {
        let object = to_raw_value(&json!({ "name": value })).unwrap();
        read(&Members::of(Box::leak(object)).unwrap(), "name")
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
    fn a_text_that_is_not_blank_is_recognised_without_reading_it() {
        assert!(read(json!("a"), Members::has_text));
        for none in odd().into_iter().chain([json!(""), json!(" "), json!(5)]) {
            assert!(!read(none.clone(), Members::has_text), "{none}");
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
            assert_eq!(expected, read(value, |members, name| members.list(name).map(super::value).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn a_null_member_counts_as_absent() {
        assert!(read(json!(0), Members::has));
        assert!(!read(json!(null), Members::has));
    }

    #[test]
    fn members_may_be_left_out() {
        let object: Members<'_> = serde_json::from_str(r#"{"a": 1, "b": "2"}"#).unwrap();
        assert_eq!((false, Some("2".to_owned())), (object.clone().without(&["a", "c"]).has("a"), object.text("b")));
    }
}
