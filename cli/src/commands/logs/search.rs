//! Reads several log groups as one, by time. At most one page of each is in memory.

use super::record::LogRecord;
use crate::aws::log_reader::{LogError, LogReader, Pages};
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use futures::TryStreamExt;
use futures::future::try_join_all;
use jiff::Timestamp;
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
pub(super) struct Search<'s>(Vec<Source<'s>>);

/// One of the log groups.
struct Source<'s> {
    function: &'s str,
    pages: Pages,
    /// The lines of the current page, by time.
    events: VecDeque<LogEvent>,
}

impl<'s> Search<'s> {
    pub(super) fn new(reader: &LogReader, groups: &'s [LogGroup], pattern: Option<&str>, since: Timestamp) -> Self {
        let source = |group: &'s LogGroup| {
            let pages = reader.pages(&group.name, since, pattern);
            Source { function: &group.function, pages, events: VecDeque::new() }
        };
        Self(groups.iter().map(source).collect())
    }

    /// The next line by time.
    pub(super) async fn next(&mut self) -> Result<Option<LogEvent>, LogError> {
        try_join_all(self.0.iter_mut().map(Source::fill)).await?;
        let time = |source: &&mut Source<'_>| source.events.front().map(|event| event.record.time);
        let earliest = self.0.iter_mut().filter(|source| !source.events.is_empty()).min_by_key(time);
        Ok(earliest.and_then(|source| source.events.pop_front()))
    }
}

impl Source<'_> {
    /// Reads on until there is a line.
    async fn fill(&mut self) -> Result<(), LogError> {
        while self.events.is_empty()
            && let Some(page) = self.pages.try_next().await?
        {
            self.events = page.into_iter().map(|event| self.read(event)).collect();
            self.events.make_contiguous().sort_by_key(|event| event.record.time);
        }
        Ok(())
    }

    fn read(&self, event: FilteredLogEvent) -> LogEvent {
        let time = event.timestamp.and_then(|time| Timestamp::from_millisecond(time).ok()).unwrap_or_default();
        let record = LogRecord::read(self.function, time, event.message.unwrap_or_default());
        LogEvent { time, id: event.event_id.unwrap_or_default(), record }
    }
}
