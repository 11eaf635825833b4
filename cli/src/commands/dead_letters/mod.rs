//! `patchbay dead-letters`.

mod letter;
mod queue;

use crate::ask;
use crate::failure::Failure;
use crate::output::{Output, pairs, plain, table};
use crate::stack::Stack;
use clap::{Args, Subcommand};
use letter::{Letter, Shown};
use queue::DeadLetterQueue;
use serde::Serialize;
use shared::model::integration_name::IntegrationName;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// How long messages are hidden while they are listed, should the command be cut off; redriving takes longer.
const LISTING: Duration = Duration::from_secs(30);
const REDRIVING: Duration = Duration::from_secs(120);
/// It is told that it goes on after so many.
const TOLD: usize = 500;
/// So many digits tell groups apart on a screen.
const GROUP_DIGITS: usize = 12;
/// Where the walk ends before the end of the queue.
const TOO_LONG: &str = "not all of the dead-letter queue could be looked through: it is so long that what was passed \
                        over came back before its end was reached. Put back what stands in front, and do it again";
/// What those without an integration are counted as.
const NO_INTEGRATION: &str = "(unreadable)";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what could not be dispatched, and leave it there
    List(List),
    /// Put it back onto the queue, once what was wrong is put right
    Redrive(Redrive),
}

/// Which to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this integration
    #[arg(long, value_name = "NAME")]
    integration: Option<IntegrationName>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// Which to put back.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Only those of this integration
    #[arg(long, value_name = "NAME")]
    integration: Option<IntegrationName>,
    /// At most so many; all unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Also those that this version cannot read, for when the version that can is deployed again
    #[arg(long)]
    unreadable: bool,
    /// Only say what would be put back, as far as it can be seen: of one customer's no more than ten
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    dead_letters: Vec<Shown>,
    by_integration: BTreeMap<String, usize>,
    /// About how many there are of all integrations, the unseen ones included.
    total: u64,
    /// Whether the queue was too long to be looked through.
    cut: bool,
}

/// What was put back.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Redriven {
    dry_run: bool,
    moved: usize,
    by_integration: BTreeMap<String, usize>,
    /// How many were seen and left where they are.
    skipped: usize,
    /// About how many are still there, of all integrations; none where they could not be counted.
    left: Option<u64>,
    /// Whether the queue was too long to be looked through.
    cut: bool,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(list) => list.run(stack, output).await,
        Command::Redrive(redrive) => redrive.run(stack, output).await,
    }
}

impl List {
    async fn run(&self, stack: &Stack, output: Output) -> Result<(), Failure> {
        let mut queue = DeadLetterQueue::open(stack, LISTING).await?;
        let total = queue.length().await?;
        let letters = self.receive(&mut queue).await;
        queue.put_back().await;
        let dead_letters = letters?;
        let mut by_integration = BTreeMap::new();
        for shown in &dead_letters {
            count(&mut by_integration, shown);
        }
        let listing = Listing { dead_letters, by_integration, total, cut: queue.is_given_up() };
        output.result(&listing, |listing| self.human(listing));
        Ok(())
    }

    async fn receive(&self, queue: &mut DeadLetterQueue) -> Result<Vec<Shown>, Failure> {
        let (mut listed, limit) = (Vec::new(), usize::from(self.limit));
        while listed.len() < limit {
            let Some(letters) = queue.receive(limit - listed.len()).await? else { break };
            for letter in letters {
                queue.hold(&letter);
                if self.integration.as_ref().is_none_or(|name| letter.is_of(name)) {
                    listed.push(letter.shown);
                }
            }
        }
        Ok(listed)
    }
}

impl Redrive {
    async fn run(&self, stack: &Stack, output: Output) -> Result<(), Failure> {
        let mut queue = DeadLetterQueue::open(stack, REDRIVING).await?;
        if !self.dry_run && !self.yes {
            ask::confirmed(&self.question(queue.length().await?), self.yes)?;
        }
        let mut redriven = Redriven { dry_run: self.dry_run, ..Redriven::default() };
        let result = self.put_all_back(&mut queue, &mut redriven, output).await;
        queue.put_back().await;
        // What was done is told whatever comes of this.
        redriven.left = queue.length().await.ok();
        redriven.cut = queue.is_given_up();
        output.result(&redriven, Redriven::human);
        result?;
        if redriven.cut { Err(Failure::Failed(TOO_LONG.to_owned())) } else { Ok(()) }
    }

    fn question(&self, length: u64) -> String {
        let most = self.limit.map_or(length, |limit| length.min(limit.into()));
        let of = self.integration.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
        format!(
            "Messages of all integrations in the dead-letter queue: about {length}. Put up to {most}{of} back onto the \
             queue?"
        )
    }

    /// Moves what was asked for. What is passed over holds back all that stands behind it in its group, and where one
    /// cannot be moved, all ends: those behind must not get ahead.
    async fn put_all_back(
        &self,
        queue: &mut DeadLetterQueue,
        redriven: &mut Redriven,
        output: Output,
    ) -> Result<(), Failure> {
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut passed_over = HashSet::new();
        while redriven.moved < limit {
            let Some(letters) = queue.receive(limit - redriven.moved).await? else { break };
            let mut letters = letters.into_iter();
            while let Some(letter) = letters.next() {
                if passed_over.contains(&letter.group) || !self.wants(&letter) {
                    passed_over.insert(letter.group.clone());
                    queue.hold(&letter);
                    redriven.skipped += 1;
                    continue;
                }
                let moved = if self.dry_run { Ok(()) } else { queue.redrive(&letter).await };
                if self.dry_run || moved.is_err() {
                    queue.hold(&letter);
                }
                if let Err(failure) = moved {
                    letters.for_each(|letter| queue.hold(&letter));
                    return Err(failure);
                }
                redriven.moved += 1;
                if redriven.moved.is_multiple_of(TOLD) {
                    output.say(&format!("{} so far ...", redriven.moved));
                }
                count(&mut redriven.by_integration, &letter.shown);
            }
        }
        Ok(())
    }

    fn wants(&self, letter: &Letter) -> bool {
        (self.unreadable || letter.is_readable()) && self.integration.as_ref().is_none_or(|name| letter.is_of(name))
    }
}

impl Redriven {
    fn human(&self) -> String {
        let moved = if self.dry_run { "would be put back" } else { "put back" };
        let mut lines = vec![(moved, self.moved.to_string())];
        let names: Vec<_> = self.by_integration.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        lines.extend((!names.is_empty()).then(|| ("of which", names.join(", "))));
        lines.extend((self.skipped > 0).then(|| ("passed over", self.skipped.to_string())));
        let left =
            self.left.map_or("could not be counted".to_owned(), |left| format!("about {left} of all integrations"));
        lines.push(("still there", left));
        pairs(lines)
    }
}

fn count(counts: &mut BTreeMap<String, usize>, shown: &Shown) {
    *counts.entry(shown.integration.clone().unwrap_or_else(|| NO_INTEGRATION.to_owned())).or_default() += 1;
}

impl List {
    fn human(&self, listing: &Listing) -> String {
        let mut parts = Vec::new();
        if listing.dead_letters.is_empty() {
            parts.push(self.nothing(listing.total));
        } else {
            parts.push(table(HEADINGS, listing.dead_letters.iter().map(row)));
            let counts = listing.by_integration.iter().map(|(name, count)| format!("{}: {count}", plain(name)));
            parts.push(counts.collect::<Vec<_>>().join(", "));
            parts.extend(self.beyond(listing));
        }
        parts.extend(listing.cut.then(|| format!("Beware: {TOO_LONG}.")));
        parts.join("\n\n")
    }

    fn nothing(&self, total: u64) -> String {
        let hidden = "What another run has looked at may be hidden for two minutes.";
        match (&self.integration, total) {
            (_, 0) => "There are no dead letters.".to_owned(),
            (None, total) => format!("None could be seen just now; there are about {total} in all. {hidden}"),
            (Some(name), total) => {
                format!("None of `{name}` could be seen; the queue holds about {total} of all integrations. {hidden}")
            }
        }
    }

    /// What there is besides what is listed. Only of the whole queue it is known why the others do not show.
    fn beyond(&self, listing: &Listing) -> Option<String> {
        let (seen, total) = (listing.dead_letters.len(), listing.total);
        let whole = self.integration.is_none() && seen < usize::from(self.limit) && !listing.cut;
        let groups: HashSet<_> = listing.dead_letters.iter().map(Shown::group).collect();
        (total > seen as u64).then(|| match whole {
            true => format!(
                "About {total} are there in all: of each of these {} groups no more than ten can be seen at a time.",
                groups.len()
            ),
            false => format!("The queue holds about {total} of all integrations."),
        })
    }
}

const HEADINGS: [&str; 6] = ["integration", "kind", "message id", "received", "receives", "customer's group"];

fn row(shown: &Shown) -> [String; 6] {
    let text = |text: &Option<String>| plain(text.as_deref().unwrap_or_default());
    [
        text(&shown.integration),
        shown.kind.to_owned(),
        text(&shown.message_id),
        shown.received_at.map(|time| time.to_string()).unwrap_or_default(),
        shown.receives.to_string(),
        plain(&shown.group().chars().take(GROUP_DIGITS).collect::<String>()),
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

    fn listed(arguments: &[&str], dead_letters: Vec<Shown>, cut: bool) -> String {
        let Command::List(list) = parsed(&[&["list"], arguments].concat()) else { panic!("it lists") };
        list.human(&Listing { dead_letters, by_integration: BTreeMap::new(), total: 52, cut })
    }

    fn shown() -> Shown {
        Letter::read(letter::tests::message("group", "{}")).unwrap().shown
    }

    #[test]
    fn that_a_group_hides_what_stands_behind_is_said_of_the_whole_queue_only() {
        let whole = listed(&[], vec![shown()], false);
        assert!(
            whole.ends_with(
                "About 52 are there in all: of each of these 1 groups no more than ten can be seen at a time."
            )
        );
        let others = "The queue holds about 52 of all integrations.";
        for part in [&["--integration", "acme"][..], &["--limit", "1"]] {
            assert!(listed(part, vec![shown()], false).ends_with(others), "{part:?}");
        }
        let cut = listed(&[], vec![shown()], true);
        assert!(cut.contains(others) && cut.contains("Beware: not all of the dead-letter queue"), "{cut}");
        assert!(listed(&["--integration", "acme"], Vec::new(), false).starts_with("None of `acme` could be seen; "));
    }

    #[test]
    fn who_is_asked_is_told_how_many_at_the_most_and_of_which_integration() {
        let question = |arguments: &[&str]| match parsed(&[&["redrive"], arguments].concat()) {
            Command::Redrive(redrive) => redrive.question(52),
            Command::List(_) => String::new(),
        };
        assert!(question(&[]).ends_with("Put up to 52 back onto the queue?"));
        let filtered = question(&["--integration", "acme", "--limit", "1"]);
        assert!(filtered.ends_with("Put up to 1 of `acme` back onto the queue?"), "{filtered}");
    }

    #[test]
    fn what_was_put_back_is_told_though_the_rest_cannot_be_counted() {
        let redriven = Redriven { moved: 3, ..Redriven::default() };
        assert!(redriven.human().contains("put back     3\nstill there  could not be counted"), "{}", redriven.human());
    }
}
