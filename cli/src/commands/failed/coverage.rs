//! How much of the parking queue a run has read, and what it did, for people.

use super::message::FailedMessage;
use crate::error::CliError;
use crate::ui::output::sanitize;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most ids that are listed for people.
const LISTED: usize = 20;

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
    /// A run that did not read all is to be repeated.
    pub(super) fn require_all(self) -> Result<(), CliError> {
        match self.truncated {
            true => Err(CliError::Failed(format!("{TOO_MANY}: run this again for the rest"))),
            false => Ok(()),
        }
    }

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

/// How many messages something was done to, and of which integrations.
pub(super) fn counted(
    done: &'static str,
    count: usize,
    by_integration: &BTreeMap<String, usize>,
) -> Vec<(&'static str, String)> {
    let of_which = (!by_integration.is_empty()).then(|| ("of which", format_counts(by_integration)));
    [(done, count.to_string())].into_iter().chain(of_which).collect()
}

/// The first ids, each on a line, and how many more there are.
pub(super) fn listed(ids: &[String]) -> Option<String> {
    let more = ids.len().saturating_sub(LISTED);
    let more = (more > 0).then(|| format!("and {more} more"));
    let lines: Vec<_> = ids.iter().take(LISTED).map(|id| sanitize(id)).chain(more).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ids_are_listed_and_the_rest_is_counted() {
        let ids = |count: usize| (0..count).map(|number| format!("m-{number}")).collect::<Vec<_>>();
        assert_eq!(None, listed(&[]));
        assert_eq!(Some(ids(20).join("\n")), listed(&ids(20)));
        assert_eq!(Some(format!("{}\nand 2 more", ids(20).join("\n"))), listed(&ids(22)));
    }
}
