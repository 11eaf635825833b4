//! `patchbay dead-letters`.

mod message;
mod queue;

use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values, sanitize, seconds, short_group};
use crate::ui::prompt;
use crate::ui::table::Column::{self, Optional, Required};
use crate::ui::table::table;
use crate::ui::values::number;
use clap::{Args, Subcommand};
use message::{DeadLetter, DeadLetterView};
use queue::DeadLetterQueue;
use serde::Serialize;
use serde_json::Value;
use shared::model::integration_name::IntegrationName;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The visibility timeouts: messages stay hidden for this long if the command is interrupted.
const LIST_VISIBILITY: Duration = Duration::from_secs(30);
const REDRIVE_VISIBILITY: Duration = Duration::from_secs(120);
/// Progress is printed after this many messages.
const PROGRESS_EVERY: usize = 500;
const INCOMPLETE: &str = "the dead-letter queue is too long to walk through: skipped messages became visible again \
                          before its end was reached. Redrive the first ones, and run this again";
const NO_INTEGRATION: &str = "(unreadable)";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the dead letters without removing them
    List(List),
    /// Move them back to the direct lane, once the cause is fixed
    Redrive(Redrive),
}

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay dead-letters list",
    "patchbay dead-letters list --integration acme --limit 10",
]))]
pub(crate) struct List {
    /// Only those of this integration
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// Maximum number to list
    #[arg(long, default_value_t = 100, value_parser = number(1..=1000_u16))]
    limit: u16,
}

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay dead-letters redrive --dry-run",
    "patchbay dead-letters redrive --integration acme --limit 1 --yes",
]))]
pub(crate) struct Redrive {
    /// Only those of this integration
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// Maximum number to move [default: all]
    #[arg(long, value_parser = number(1..=u32::MAX))]
    limit: Option<u32>,
    /// Also those that this version cannot read, if a version that can is deployed
    #[arg(long)]
    unreadable: bool,
    /// Only print what would be moved, as far as it is visible: at most ten messages per customer
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    dead_letters: Vec<DeadLetterView>,
    by_integration: BTreeMap<String, usize>,
    /// The approximate number for all integrations, including hidden messages.
    total: u64,
    /// Whether the walk ended before the end of the queue.
    #[serde(rename = "cut")]
    truncated: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Redriven {
    dry_run: bool,
    moved: usize,
    by_integration: BTreeMap<String, usize>,
    /// The number of messages that were received and left on the queue.
    skipped: usize,
    /// The approximate number of remaining messages of all integrations; `None` if they could not be counted.
    #[serde(rename = "left")]
    remaining: Option<u64>,
    /// Whether the walk ended before the end of the queue.
    #[serde(rename = "cut")]
    truncated: bool,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(list) => list.run(stack, output).await,
        Command::Redrive(redrive) => redrive.run(stack, output).await,
    }
}

/// The payloads of dead letters, with text and addresses, each with its `webhook-id`: of those that are wanted by their
/// `webhook-id` and message id. At most ten of a customer are visible.
pub(crate) async fn deliveries(
    stack: &Stack,
    is_wanted: impl Fn(&str, Option<&str>) -> bool,
) -> Result<Vec<(String, Value)>, CliError> {
    let mut queue = DeadLetterQueue::open(stack, LIST_VISIBILITY).await?;
    let read = async {
        let mut found = Vec::new();
        while let Some(dead_letters) = queue.receive(usize::MAX).await? {
            for dead_letter in dead_letters {
                queue.keep_hidden(&dead_letter);
                let view = &dead_letter.view;
                if let Some(webhook_id) = view.webhook_id.clone()
                    && is_wanted(&webhook_id, view.message_id.as_deref())
                {
                    found.extend(dead_letter.delivery().map(|delivery| (webhook_id, delivery)));
                }
            }
        }
        Ok(found)
    }
    .await;
    queue.release().await;
    read
}

impl List {
    async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let mut queue = DeadLetterQueue::open(stack, LIST_VISIBILITY).await?;
        let total = queue.length().await?;
        let received = self.receive(&mut queue).await;
        queue.release().await;
        let dead_letters = received?;
        if dead_letters.is_empty()
            && let Some(unknown) = integrations::unknown(stack, self.integration.as_ref()).await
        {
            return Err(unknown);
        }
        let mut by_integration = BTreeMap::new();
        for view in &dead_letters {
            count(&mut by_integration, view);
        }
        let listing = Listing { dead_letters, by_integration, total, truncated: queue.is_exhausted() };
        output.result(&listing, |listing| self.human(listing));
        Ok(())
    }

    async fn receive(&self, queue: &mut DeadLetterQueue) -> Result<Vec<DeadLetterView>, CliError> {
        let (mut listed, limit) = (Vec::new(), usize::from(self.limit));
        while listed.len() < limit {
            let Some(dead_letters) = queue.receive(limit - listed.len()).await? else { break };
            for dead_letter in dead_letters {
                queue.keep_hidden(&dead_letter);
                if self.integration.as_ref().is_none_or(|name| dead_letter.belongs_to(name)) {
                    listed.push(dead_letter.view);
                }
            }
        }
        Ok(listed)
    }
}

impl Redrive {
    async fn run(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let mut queue = DeadLetterQueue::open(stack, REDRIVE_VISIBILITY).await?;
        if !self.dry_run && !self.yes {
            prompt::confirm(&self.question(queue.length().await?), self.yes)?;
        }
        let mut redriven = Redriven { dry_run: self.dry_run, ..Redriven::default() };
        let result = self.redrive_all(&mut queue, &mut redriven, output).await;
        queue.release().await;
        if result.is_ok()
            && redriven.moved == 0
            && let Some(unknown) = integrations::unknown(stack, self.integration.as_ref()).await
        {
            return Err(unknown);
        }
        // The result is printed even if this fails.
        redriven.remaining = queue.length().await.ok();
        redriven.truncated = queue.is_exhausted();
        output.result(&redriven, Redriven::human);
        result?;
        if redriven.truncated { Err(CliError::Failed(INCOMPLETE.to_owned())) } else { Ok(()) }
    }

    fn question(&self, length: u64) -> String {
        let most = self.limit.map_or(length, |limit| length.min(limit.into()));
        let of = self.integration.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
        format!(
            "Messages of all integrations in the dead-letter queue: about {length}. Move up to {most}{of} back to the \
             direct lane?"
        )
    }

    /// Moves the matching messages. To keep the order within a group, a skipped message blocks the rest of its group,
    /// and an error ends the run.
    async fn redrive_all(
        &self,
        queue: &mut DeadLetterQueue,
        redriven: &mut Redriven,
        output: Output,
    ) -> Result<(), CliError> {
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut skipped_groups = HashSet::new();
        while redriven.moved < limit {
            let Some(dead_letters) = queue.receive(limit - redriven.moved).await? else { break };
            let mut dead_letters = dead_letters.into_iter();
            while let Some(dead_letter) = dead_letters.next() {
                if skipped_groups.contains(&dead_letter.group) || !self.matches(&dead_letter) {
                    skipped_groups.insert(dead_letter.group.clone());
                    queue.keep_hidden(&dead_letter);
                    redriven.skipped += 1;
                    continue;
                }
                let moved = if self.dry_run { Ok(()) } else { queue.redrive(&dead_letter).await };
                if self.dry_run || moved.is_err() {
                    queue.keep_hidden(&dead_letter);
                }
                if let Err(failure) = moved {
                    dead_letters.for_each(|dead_letter| queue.keep_hidden(&dead_letter));
                    return Err(failure);
                }
                redriven.moved += 1;
                if redriven.moved.is_multiple_of(PROGRESS_EVERY) {
                    output.progress(&format!("{} so far ...", redriven.moved));
                }
                count(&mut redriven.by_integration, &dead_letter.view);
            }
        }
        Ok(())
    }

    fn matches(&self, dead_letter: &DeadLetter) -> bool {
        (self.unreadable || dead_letter.is_readable())
            && self.integration.as_ref().is_none_or(|name| dead_letter.belongs_to(name))
    }
}

impl Redriven {
    fn human(&self) -> String {
        let moved = if self.dry_run { "would be moved" } else { "moved" };
        let mut lines = vec![(moved, self.moved.to_string())];
        let names: Vec<_> = self.by_integration.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        lines.extend((!names.is_empty()).then(|| ("of which", names.join(", "))));
        lines.extend((self.skipped > 0).then(|| ("skipped", self.skipped.to_string())));
        let left = self
            .remaining
            .map_or("could not be counted".to_owned(), |count| format!("about {count} of all integrations"));
        lines.push(("remaining", left));
        key_values(lines)
    }
}

fn count(counts: &mut BTreeMap<String, usize>, view: &DeadLetterView) {
    *counts.entry(view.integration.clone().unwrap_or_else(|| NO_INTEGRATION.to_owned())).or_default() += 1;
}

impl List {
    fn human(&self, listing: &Listing) -> String {
        let mut parts = Vec::new();
        if listing.dead_letters.is_empty() {
            parts.push(self.empty_note(listing.total));
        } else {
            parts.push(table(COLUMNS, listing.dead_letters.iter().map(row)));
            let counts = listing.by_integration.iter().map(|(name, count)| format!("{}: {count}", sanitize(name)));
            parts.push(counts.collect::<Vec<_>>().join(", "));
            parts.extend(self.hidden_note(listing));
        }
        parts.extend(listing.truncated.then(|| format!("Warning: {INCOMPLETE}.")));
        parts.join("\n\n")
    }

    fn empty_note(&self, total: u64) -> String {
        let hidden = "Messages received by another run may be hidden for two minutes.";
        match (&self.integration, total) {
            (_, 0) => "There are no dead letters.".to_owned(),
            (None, total) => format!("None are visible now; there are about {total} in total. {hidden}"),
            (Some(name), total) => {
                format!("None of `{name}` are visible; the queue holds about {total} of all integrations. {hidden}")
            }
        }
    }

    /// Explains the difference between the listed and the total messages. The reason is known only for the whole queue.
    fn hidden_note(&self, listing: &Listing) -> Option<String> {
        let (seen, total) = (listing.dead_letters.len(), listing.total);
        let whole = self.integration.is_none() && seen < usize::from(self.limit) && !listing.truncated;
        let groups: HashSet<_> = listing.dead_letters.iter().map(DeadLetterView::group).collect();
        (total > seen as u64).then(|| match whole {
            true => format!(
                "There are about {total} in total: of each of these {} groups at most ten are visible at a time.",
                groups.len()
            ),
            false => format!("The queue holds about {total} of all integrations."),
        })
    }
}

const COLUMNS: [Column; 6] = [
    Required("integration"),
    Optional("kind"),
    Required("message id"),
    Optional("received"),
    Optional("receives"),
    Optional("customer's group"),
];

fn row(view: &DeadLetterView) -> [String; 6] {
    [
        view.integration.clone().unwrap_or_default(),
        view.kind.to_owned(),
        view.message_id.clone().unwrap_or_default(),
        view.received_at.map(seconds).unwrap_or_default(),
        view.receive_count.to_string(),
        short_group(view.group()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    fn parsed(arguments: &[&str]) -> Command {
        Line::try_parse_from([&["dead-letters"], arguments].concat()).unwrap().command
    }

    fn listed(arguments: &[&str], dead_letters: Vec<DeadLetterView>, truncated: bool) -> String {
        let Command::List(list) = parsed(&[&["list"], arguments].concat()) else { panic!("it lists") };
        list.human(&Listing { dead_letters, by_integration: BTreeMap::new(), total: 52, truncated })
    }

    fn view() -> DeadLetterView {
        DeadLetter::read(message::tests::message("group", "{}")).unwrap().view
    }

    #[test]
    fn hidden_messages_of_a_group_are_explained_for_the_whole_queue_only() {
        let whole = listed(&[], vec![view()], false);
        assert!(
            whole
                .ends_with("There are about 52 in total: of each of these 1 groups at most ten are visible at a time.")
        );
        let others = "The queue holds about 52 of all integrations.";
        for part in [&["--integration", "acme"][..], &["--limit", "1"]] {
            assert!(listed(part, vec![view()], false).ends_with(others), "{part:?}");
        }
        let cut = listed(&[], vec![view()], true);
        assert!(cut.contains(others) && cut.contains("Warning: the dead-letter queue is too long"), "{cut}");
        assert!(listed(&["--integration", "acme"], Vec::new(), false).starts_with("None of `acme` are visible; "));
    }

    #[test]
    fn the_confirmation_names_the_maximum_and_the_integration() {
        let question = |arguments: &[&str]| match parsed(&[&["redrive"], arguments].concat()) {
            Command::Redrive(redrive) => redrive.question(52),
            Command::List(_) => String::new(),
        };
        assert!(question(&[]).ends_with("Move up to 52 back to the direct lane?"));
        let filtered = question(&["--integration", "acme", "--limit", "1"]);
        assert!(filtered.ends_with("Move up to 1 of `acme` back to the direct lane?"), "{filtered}");
    }

    #[test]
    fn the_result_is_printed_even_if_the_rest_cannot_be_counted() {
        let redriven = Redriven { moved: 3, ..Redriven::default() };
        assert!(redriven.human().contains("moved      3\nremaining  could not be counted"), "{}", redriven.human());
    }
}
