//! Bodies that are made of options.

use serde_json::Value;

/// A body that was made of options.
pub(super) struct Made {
    pub(super) body: Value,
    /// The options that a repeat needs besides the key, because they had to be made up.
    pub(super) options: String,
}

impl From<Value> for Made {
    fn from(body: Value) -> Self {
        Self { body, options: String::new() }
    }
}

/// An object of what was given.
pub(super) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
