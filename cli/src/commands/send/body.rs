use serde_json::Value;

/// The types of a customer's address.
pub(super) const ID_TYPES: [&str; 3] = ["Email", "Phone", "Opaque"];

/// A request body built from options.
pub(super) struct RequestBody {
    pub(super) body: Value,
    /// The options that a retry needs in addition to the key, because their values were generated.
    pub(super) retry_options: String,
}

impl From<Value> for RequestBody {
    fn from(body: Value) -> Self {
        Self { body, retry_options: String::new() }
    }
}

/// An object with the fields that have a value.
pub(super) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The parts of an email other than its text, if it has any.
pub(super) fn email(subject: Option<&str>, html: Option<&str>) -> Option<Value> {
    let email = object([("subject", subject.map(Value::from)), ("html", html.map(Value::from))]);
    (subject.is_some() || html.is_some()).then_some(email)
}
