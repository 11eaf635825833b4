//! How many messages a run has seen, and whether those are all.

use super::message::FailedMessage;
use crate::output::plain;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where not all could be read.
pub(super) const TOO_MANY: &str = "the parking queue holds more than one run reads";

/// How much of the queue a run has seen.
#[derive(Debug, Default, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extent {
    /// Messages that this version cannot read.
    pub(super) unreadable: usize,
    /// Whether there are more than one run reads.
    pub(super) cut: bool,
}

impl Extent {
    pub(super) fn remarks(self) -> impl Iterator<Item = String> {
        let unreadable = (self.unreadable > 0).then(|| {
            format!("Besides, {} of another version: deploy and install that one to see them.", self.unreadable)
        });
        unreadable.into_iter().chain(self.cut.then(|| format!("Beware: {TOO_MANY}; these are not all.")))
    }
}

/// How many there are of each integration.
pub(super) fn counted<'m>(messages: impl Iterator<Item = &'m FailedMessage>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.integration().to_owned()).or_default() += 1;
    }
    counts
}

pub(super) fn numbers(by_integration: &BTreeMap<String, usize>) -> String {
    let counts = by_integration.iter().map(|(name, count)| format!("{}: {count}", plain(name)));
    counts.collect::<Vec<_>>().join(", ")
}
