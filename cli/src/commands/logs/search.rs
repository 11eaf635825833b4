//! Reads several log groups as one, by time. At most one page of each is in memory.

use super::record::LogRecord;
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use futures::future::try_join_all;
use jiff::Timestamp;
use shared::aws::sdk_error;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct LogGroup {
    pub(super) function: String,
    pub(super) name: String,
}

/// A line as CloudWatch Logs has it.
#[derive(Debug)]
pub(super) struct LogEvent {
    /// CloudWatch's time of the line.
    pub(super) time: Timestamp,
    pub(super) id: String,
    pub(super) record: LogRecord,
}

/// The lines of all log groups since a time that match a filter pattern.
pub(super) struct Search<'s> {
    client: Client,
    pattern: Option<&'s str>,
    since: Timestamp,
    sources: Vec<Source<'s>>,
}

/// One of the log groups.
struct Source<'s> {
    group: &'s LogGroup,
    /// The lines of the current page, by time.
    events: VecDeque<LogEvent>,
    next: NextPage,
}

enum NextPage {
    First,
    Token(String),
    None,
}

impl<'s> Search<'s> {
    pub(super) fn new(stack: &Stack, groups: &'s [LogGroup], pattern: Option<&'s str>, since: Timestamp) -> Self {
        let source = |group| Source { group, events: VecDeque::new(), next: NextPage::First };
        Self { client: Client::new(&stack.aws), pattern, since, sources: groups.iter().map(source).collect() }
    }

    /// The next line by time.
    pub(super) async fn next(&mut self) -> Result<Option<LogEvent>, CliError> {
        let Self { client, pattern, since, sources } = self;
        try_join_all(sources.iter_mut().map(|source| source.fill(client, *pattern, *since))).await?;
        let time = |source: &&mut Source<'_>| source.events.front().map(|event| event.record.time);
        let earliest = self.sources.iter_mut().filter(|source| !source.events.is_empty()).min_by_key(time);
        Ok(earliest.and_then(|source| source.events.pop_front()))
    }
}

impl Source<'_> {
    /// Reads on until there is a line. A page may be empty although there are more.
    async fn fill(&mut self, client: &Client, pattern: Option<&str>, since: Timestamp) -> Result<(), CliError> {
        while self.events.is_empty() {
            let token = match std::mem::replace(&mut self.next, NextPage::None) {
                NextPage::First => None,
                NextPage::Token(token) => Some(token),
                NextPage::None => break,
            };
            let request = client.filter_log_events().log_group_name(&self.group.name);
            let request = request.start_time(since.as_millisecond()).set_next_token(token);
            let page = request.set_filter_pattern(pattern.map(str::to_owned)).send().await.map_err(|error| {
                CliError::Failed(format!("the log group {} cannot be searched: {}", self.group.name, sdk_error(&error)))
            })?;
            self.next = page.next_token.map_or(NextPage::None, NextPage::Token);
            self.events = page.events.unwrap_or_default().into_iter().map(|event| self.read(event)).collect();
            self.events.make_contiguous().sort_by_key(|event| event.record.time);
        }
        Ok(())
    }

    fn read(&self, event: FilteredLogEvent) -> LogEvent {
        let time = event.timestamp.and_then(|time| Timestamp::from_millisecond(time).ok()).unwrap_or_default();
        let record = LogRecord::read(&self.group.function, time, event.message.unwrap_or_default());
        LogEvent { time, id: event.event_id.unwrap_or_default(), record }
    }
}
