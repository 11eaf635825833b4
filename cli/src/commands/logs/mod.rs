//! `patchbay logs`.

mod count;
mod filter;
mod level;
mod record;
mod search;
mod seen;

use crate::aws::error::Diagnosis;
use crate::aws::log_groups::{ACCESS_LOG, all_log_groups};
use crate::aws::log_reader::{LogError, LogReader, SearchableId};
use crate::aws::stack::Stack;
use crate::aws::{completion, integrations};
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, sanitize, seconds};
use crate::ui::values;
use clap::Args;
use count::{Counts, Field};
use filter::{Condition, Filter};
use jiff::{SignedDuration, Timestamp};
use level::Level;
use search::{LogEvent, LogGroup, Search};
use seen::Seen;
use shared::model::integration_name::IntegrationName;
use std::ops::ControlFlow;
use std::time::Duration;

/// How far back is read by default, without and with `--follow`.
const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(1);
const DEFAULT_PERIOD_FOLLOWED: SignedDuration = SignedDuration::from_mins(1);
/// In some regions an account may search its logs five times a second, and each poll searches every log group.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const POLL_INTERVAL: Duration = Duration::from_secs(3);

const EXAMPLES: [&str; 5] = [
    "patchbay logs --integration acme --level warn",
    "patchbay logs --integration acme --follow",
    "patchbay logs --level warn --count-by integration,outcome,reason",
    "patchbay logs --message c327c2078ca056db130c55ce648d9fa2 --since 2d",
    "patchbay logs --function message-dispatcher --where outcome=retry,failed",
];

#[derive(Debug, Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Logs {
    /// Only lines about this integration
    #[arg(long, value_name = "NAME", add = completion::integrations())]
    integration: Option<IntegrationName>,
    /// Only lines with this id: of a message, conversation, request, delivery, replay, trace or correlation
    #[arg(long, value_name = "ID")]
    message: Option<SearchableId>,
    /// Only lines of at least this level
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only lines whose field has this value, or one of several; can be repeated for several fields
    #[arg(long = "where", value_name = "FIELD=VALUE[,VALUE]")]
    conditions: Vec<Condition>,
    /// Only lines of this function; api-access is the access log of the API [default: all functions]
    #[arg(long = "function", value_name = "NAME")]
    functions: Vec<String>,
    /// Since then: a time such as 2026-01-02T03:04:05Z, or a duration such as 90m or 2d [default: 1h; with --follow 1m]
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    since: Option<Timestamp>,
    /// Instead of the lines, print how many have the same values of these fields
    #[arg(long, value_name = "FIELD[,FIELD]", value_delimiter = ',')]
    count_by: Vec<Field>,
    /// Show new lines as they are written, until Ctrl-C
    #[arg(long, conflicts_with = "count_by")]
    follow: bool,
}

pub(crate) async fn run(logs: Logs, stack: &Stack, output: Output) -> Result<(), CliError> {
    if !logs.count_by.is_empty() {
        return logs.count(stack, output).await;
    }
    if !logs.follow {
        return logs.print(stack, output).await;
    }
    tokio::select! {
        ended = logs.follow(stack, output) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Reads the wanted lines.
struct Printer<'l> {
    reader: LogReader,
    groups: Vec<LogGroup>,
    filter: Filter<'l>,
    pattern: Option<String>,
    output: Output,
}

impl Printer<'_> {
    /// Prints the lines since a time that are new, and returns how many. It breaks if the reader has closed the pipe.
    async fn print(
        &self,
        since: Timestamp,
        mut is_new: impl FnMut(&LogEvent) -> bool,
    ) -> Result<ControlFlow<(), usize>, LogError> {
        let width = self.groups.iter().map(|group| group.function.len()).max().unwrap_or_default();
        let mut printed = 0;
        let print = |event: LogEvent| {
            if !is_new(&event) {
                return ControlFlow::Continue(());
            }
            printed += 1;
            match self.output.line(&event.record, |record| record.describe(width)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        Ok(self.read(since, print).await?.map_continue(|()| printed))
    }

    /// Reads the lines since a time, until `on_line` breaks.
    async fn read(
        &self,
        since: Timestamp,
        mut on_line: impl FnMut(LogEvent) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LogError> {
        let mut search = Search::new(&self.reader, &self.groups, self.pattern.as_deref(), since);
        while let Some(event) = search.next().await? {
            if self.filter.matches(&event.record) && on_line(event).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Logs {
    async fn print(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let since = self.since();
        match self.printer(stack, output).await?.print(since, |_| true).await? {
            ControlFlow::Continue(0) => self.report_silence(stack, output, since).await,
            _ => Ok(()),
        }
    }

    async fn count(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let (since, mut counts) = (self.since(), Counts::new(&self.count_by));
        let add = |event: LogEvent| {
            // A line that has metrics only is no event of its own.
            if event.record.describe(0).is_some() {
                counts.add(&event.record);
            }
            ControlFlow::Continue(())
        };
        let _ = self.printer(stack, output).await?.read(since, add).await?;
        if counts.is_empty() {
            self.report_silence(stack, output, since).await?;
        }
        if !counts.is_empty() || output.is_json() {
            output.result(&counts.to_json(), |_| counts.to_table());
        }
        Ok(())
    }

    fn since(&self) -> Timestamp {
        self.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_PERIOD)
    }

    /// A wrong name is more likely than silence. A removed integration has lines of its own.
    async fn report_silence(&self, stack: &Stack, output: Output, since: Timestamp) -> Result<(), CliError> {
        if let Some(error) = integrations::unknown(stack, self.integration.as_ref()).await {
            return Err(error);
        }
        output.progress(&format!("There is no such line since {}.", seconds(since)));
        Ok(())
    }

    /// Only a failure that lasts ends it.
    async fn follow(&self, stack: &Stack, output: Output) -> Result<(), CliError> {
        let printer = self.printer(stack, output).await?;
        let mut seen = Seen::since(self.since.unwrap_or_else(|| Timestamp::now() - DEFAULT_PERIOD_FOLLOWED));
        let mut problem = None;
        loop {
            let started = Timestamp::now();
            match printer.print(seen.start(), |event| seen.insert(event.time, &event.id)).await {
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(_)) => {
                    seen.read_until(printer.reader.aws_time(started));
                    problem = None;
                }
                Err(error) if error.is_transient() => {
                    let observed = Diagnosis::from(error).observed;
                    if problem.as_ref() != Some(&observed) {
                        output.notice(&format!("{}: trying again ...", sanitize(&observed)));
                    }
                    problem = Some(observed);
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn printer(&self, stack: &Stack, output: Output) -> Result<Printer<'_>, CliError> {
        let filter = Filter {
            integration: self.integration.as_ref(),
            message: self.message.as_ref(),
            level: self.level,
            conditions: &self.conditions,
        };
        let (groups, pattern) = (self.log_groups(stack).await?, filter.pattern());
        Ok(Printer { reader: LogReader::new(stack), groups, filter, pattern, output })
    }

    /// The log groups to read, by default those of all functions.
    async fn log_groups(&self, stack: &Stack) -> Result<Vec<LogGroup>, CliError> {
        let groups = all_log_groups(stack).await?;
        if let Some(unknown) = self.functions.iter().find(|name| groups.iter().all(|(function, _)| function != *name)) {
            let known: Vec<_> = groups.iter().map(|(function, _)| function.as_str()).collect();
            let (unknown, known) = (sanitize(unknown), known.join(", "));
            return Err(CliError::Usage(format!("the stack has no function `{unknown}`; it has {known}")));
        }
        let is_read = |function: &String| match self.functions.as_slice() {
            [] => function != ACCESS_LOG,
            named => named.contains(function),
        };
        let groups = groups.into_iter().filter(|(function, _)| is_read(function));
        Ok(groups.map(|(function, name)| LogGroup { function, name }).collect())
    }
}
