use serde::Serialize;
use shared::ledger::{Ledger, LedgerError};
use std::collections::HashMap;

/// The lane of a message group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lane {
    Direct,
    Retry,
}

impl Lane {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Retry => "retry",
        }
    }

    /// The lanes of these groups: one with a tail is on the retry lane.
    pub(crate) async fn of_groups<'g>(
        ledger: &Ledger,
        groups: impl Iterator<Item = &'g str>,
    ) -> Result<HashMap<String, Self>, LedgerError> {
        let groups: Vec<_> = groups.collect();
        let states = ledger.lane_states(&groups, Vec::new()).await?;
        let lane = |group: &str| if states.has_tail(group) { Self::Retry } else { Self::Direct };
        Ok(groups.iter().map(|group| ((*group).to_owned(), lane(group))).collect())
    }
}
