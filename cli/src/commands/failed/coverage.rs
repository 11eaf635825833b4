//! How much of the parking queue a run has read.

use super::message::FailedMessage;
use crate::ui::output::sanitize;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) const TOO_MANY: &str = "the parking queue holds more than one run reads";

#[derive(Debug, Default, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Coverage {
    /// The number of messages that this version cannot read.
    pub(super) unreadable: usize,
    /// Whether the queue holds more than one run reads.
    #[serde(rename = "cut")]
    pub(crate) truncated: bool,
}

impl Coverage {
    pub(crate) fn notes(self) -> impl Iterator<Item = String> {
        let unreadable = (self.unreadable > 0).then(|| {
            format!(
                "There are also {} messages of another version: deploy and install that version to see them.",
                self.unreadable
            )
        });
        unreadable.into_iter().chain(self.truncated.then(|| format!("Warning: {TOO_MANY}; the list is incomplete.")))
    }
}

pub(super) fn count_by_integration<'m>(messages: impl Iterator<Item = &'m FailedMessage>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.integration().to_owned()).or_default() += 1;
    }
    counts
}

pub(super) fn format_counts(by_integration: &BTreeMap<String, usize>) -> String {
    let counts = by_integration.iter().map(|(name, count)| format!("{}: {count}", sanitize(name)));
    counts.collect::<Vec<_>>().join(", ")
}
