//! The parameters of a webhook.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use url::form_urlencoded;

/// Far more than Twilio sends: a message has some 30, and four for each of its files.
const MAXIMUM: usize = 1_000;

/// A form, as far as it is signed: the order of names does not matter, nor do the order and the number of equal values.
pub(super) struct Parameters<'b>(BTreeMap<Cow<'b, str>, BTreeSet<Cow<'b, str>>>);

impl<'b> Parameters<'b> {
    /// Whether a form has more parameters than are parsed before its signature is verified.
    pub(super) fn are_too_many(form: &[u8]) -> bool {
        form.split(|byte| *byte == b'&').nth(MAXIMUM).is_some()
    }

    pub(super) fn parse(form: &'b [u8]) -> Self {
        let mut parameters = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, value) in form_urlencoded::parse(form) {
            parameters.entry(name).or_default().insert(value);
        }
        Self(parameters)
    }

    /// A value that is not blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.iter().map(|value| &**value).find(|value| !value.trim().is_empty())
    }

    /// The first of these that is not blank.
    pub(super) fn first_of(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// What is signed of them: the name and the value of each, sorted by bytes, with nothing between them. Empty values count.
    pub(super) fn signed_text(&self) -> String {
        let pairs = self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| [&**name, &**value]));
        pairs.flatten().collect()
    }
}
