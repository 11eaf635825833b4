//! Models of the search for users.

use super::fields::Text;
use super::{Invalid, Model};
use serde::Deserialize;
use serde_json::Value;
use std::num::NonZeroUsize;

/// The part of `UserSearchRequest` that is simulated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct UserSearch {
    #[serde(default = "default_page_size")]
    pub(crate) page_size: NonZeroUsize,
    #[serde(default = "first_page")]
    pub(crate) page_number: NonZeroUsize,
    pub(crate) query: Vec<SearchCriterion>,
}

fn default_page_size() -> NonZeroUsize {
    NonZeroUsize::new(25).expect("not zero")
}

fn first_page() -> NonZeroUsize {
    NonZeroUsize::MIN
}

/// The part of `UserSearchCriteria` that is simulated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchCriterion {
    r#type: SearchType,
    fields: Vec<SearchField>,
    value: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SearchType {
    Exact,
    StartsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SearchField {
    Email,
    Name,
}

impl SearchCriterion {
    /// Whether a user meets it, regardless of case.
    pub(crate) fn is_met(&self, user: &Value) -> bool {
        let wanted = self.value.to_lowercase();
        self.fields.iter().any(|field| {
            let value = match field {
                SearchField::Email => &user["email"],
                SearchField::Name => &user["name"],
            };
            let value = value.as_str().unwrap_or_default().to_lowercase();
            match self.r#type {
                SearchType::Exact => value == wanted,
                SearchType::StartsWith => value.starts_with(&wanted),
                SearchType::Contains => value.contains(&wanted),
            }
        })
    }
}

impl Model for UserSearch {
    fn check(&self) -> Result<(), Invalid> {
        if self.page_size.get() > 100 {
            return Err(Invalid::new("pageSize", "must be at most 100"));
        }
        if self.query.iter().any(|criterion| criterion.fields.is_empty()) {
            return Err(Invalid::new("fields", "must not be empty"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_search_has_criteria_with_a_type_fields_and_a_value() {
        let search =
            json!({"pageSize": 2, "query": [{"type": "EXACT", "fields": ["email"], "value": "a@example.com"}]});
        accepts::<UserSearch>(&search);
        for (pointer, value) in [
            ("/pageSize", Some(json!(0))),
            ("/pageSize", Some(json!(101))),
            ("/email", Some(json!("a@example.com"))),
            ("/query", None),
            ("/query/0/type", None),
            ("/query/0/type", Some(json!("exact"))),
            ("/query/0/fields", None),
            ("/query/0/fields", Some(json!([]))),
            ("/query/0/fields", Some(json!("email"))),
            ("/query/0/value", None),
            ("/query/0/value", Some(json!(""))),
        ] {
            refuses::<UserSearch>(&search, pointer, value);
        }
    }
}
