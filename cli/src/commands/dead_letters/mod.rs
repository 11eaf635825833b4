//! `patchbay dead-letters`.

mod letter;
mod queue;

use crate::failure::Failure;
use crate::output::{Output, pairs, plain, table};
use crate::stack::Stack;
use clap::{Args, Subcommand};
use dialoguer::Confirm;
use letter::{Letter, Shown};
use queue::DeadLetterQueue;
use serde::Serialize;
use shared::integration::IntegrationName;
use std::collections::{BTreeMap, HashSet};
use std::io::IsTerminal;
use std::time::Duration;

/// How long messages are hidden while they are listed, should the command be cut off; redriving takes longer.
const LISTING: Duration = Duration::from_secs(30);
const REDRIVING: Duration = Duration::from_secs(120);
/// So many digits tell groups apart on a screen.
const GROUP_DIGITS: usize = 12;
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
    /// About how many there are, the unseen ones included.
    total: u64,
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
    /// About how many are still there.
    left: u64,
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
        output.result(&Listing { dead_letters, by_integration, total }, listed);
        Ok(())
    }

    async fn receive(&self, queue: &mut DeadLetterQueue) -> Result<Vec<Shown>, Failure> {
        let (mut listed, limit) = (Vec::new(), usize::from(self.limit));
        while listed.len() < limit {
            let letters = queue.receive(limit - listed.len()).await?;
            if letters.is_empty() {
                break;
            }
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
        if !self.dry_run && !self.yes && !confirmed(queue.length().await?)? {
            return Err(Failure::Failed("nothing was put back".to_owned()));
        }
        let mut redriven = Redriven { dry_run: self.dry_run, ..Redriven::default() };
        let result = self.put_all_back(&mut queue, &mut redriven).await;
        queue.put_back().await;
        redriven.left = queue.length().await?;
        output.result(&redriven, Redriven::human);
        result
    }

    /// Moves what was asked for. Where one cannot be moved, all ends: those behind it must not get ahead of it.
    async fn put_all_back(&self, queue: &mut DeadLetterQueue, redriven: &mut Redriven) -> Result<(), Failure> {
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        while redriven.moved < limit {
            let letters = queue.receive(limit - redriven.moved).await?;
            if letters.is_empty() {
                break;
            }
            let mut letters = letters.into_iter();
            while let Some(letter) = letters.next() {
                if !self.wants(&letter) {
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
        lines.push(("still there", format!("about {}", self.left)));
        pairs(lines)
    }
}

fn count(counts: &mut BTreeMap<String, usize>, shown: &Shown) {
    *counts.entry(shown.integration.clone().unwrap_or_else(|| NO_INTEGRATION.to_owned())).or_default() += 1;
}

fn confirmed(length: u64) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("say --yes where nobody can be asked".to_owned()));
    }
    let question = format!("Put up to {length} messages back onto the queue?");
    let answer = Confirm::new().with_prompt(question).default(false).interact();
    answer.map_err(|error| Failure::Failed(format!("nobody answered: {error}")))
}

fn listed(listing: &Listing) -> String {
    if listing.dead_letters.is_empty() {
        return match listing.total {
            0 => "There are no dead letters.".to_owned(),
            total => format!("None of these could be seen just now; there are about {total} in all."),
        };
    }
    let rows = listing.dead_letters.iter().map(|shown| {
        let text = |text: &Option<String>| plain(text.as_deref().unwrap_or_default());
        let group = shown.group().chars().take(GROUP_DIGITS).collect();
        let received = shown.received_at.map(|time| time.to_string()).unwrap_or_default();
        [
            text(&shown.integration),
            shown.kind.to_owned(),
            text(&shown.message_id),
            received,
            shown.receives.to_string(),
            group,
        ]
    });
    let headings = ["integration", "kind", "message id", "received", "receives", "customer's group"];
    let mut parts = vec![table(headings, rows)];
    let counts: Vec<_> = listing.by_integration.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    parts.push(counts.join(", "));
    let seen = listing.dead_letters.len() as u64;
    if listing.total > seen {
        let groups: HashSet<_> = listing.dead_letters.iter().map(Shown::group).collect();
        parts.push(format!(
            "About {} are there in all: of each of these {} groups no more than ten can be seen at a time.",
            listing.total,
            groups.len()
        ));
    }
    parts.join("\n\n")
}
