//! Reads log groups, as far as they match a filter pattern.

use crate::aws::clock::AwsClock;
use crate::aws::error::{AwsError, Diagnosis};
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use futures::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;
use std::str::FromStr;

const ACTION: &str = "logs:FilterLogEvents";
/// Errors that a retry cannot fix.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html#API_FilterLogEvents_Errors>
const PERMANENT: [&str; 2] = ["InvalidParameterException", "ResourceNotFoundException"];

/// The lines of a log group, oldest first. A page may be empty although there are more.
pub(crate) type Pages = BoxStream<'static, Result<Vec<FilteredLogEvent>, LogError>>;

pub(crate) struct LogReader {
    client: Client,
    clock: AwsClock,
}

impl LogReader {
    pub(crate) fn new(stack: &Stack) -> Self {
        let clock = AwsClock::default();
        Self { client: Client::from_conf(Builder::from(&stack.aws).interceptor(clock.clone()).build()), clock }
    }

    /// The lines since a time that match the pattern, or all.
    pub(crate) fn pages(&self, group: &str, since: Timestamp, pattern: Option<&str>) -> Pages {
        let request = self.client.filter_log_events().log_group_name(group).start_time(since.as_millisecond());
        let mut pages = request.set_filter_pattern(pattern.map(str::to_owned)).into_paginator().send();
        let group = group.to_owned();
        let pages = stream::poll_fn(move |context| pages.poll_next(context));
        let pages = pages.map(move |page| match page {
            Ok(page) => Ok(page.events.unwrap_or_default()),
            Err(error) => Err(LogError { group: group.clone(), error: AwsError::of(ACTION, &error) }),
        });
        pages.boxed()
    }

    /// A time of this machine by the clock of AWS, as its last response showed it.
    pub(crate) fn aws_time(&self, time: Timestamp) -> Timestamp {
        time - self.clock.ahead(time)
    }
}

/// Why a log group cannot be read.
#[derive(Debug)]
pub(crate) struct LogError {
    group: String,
    error: AwsError,
}

impl LogError {
    /// Whether the same call may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.error {
            AwsError::OutOfReach(_) => true,
            AwsError::Refused(code, _) => !PERMANENT.contains(&code.as_str()),
            AwsError::Denied(_) | AwsError::NoCredentials(_) | AwsError::Credentials(_) => false,
        }
    }
}

impl From<LogError> for Diagnosis {
    fn from(LogError { group, error }: LogError) -> Self {
        error.diagnose(&format!("the log group {group}"), "see what CloudWatch Logs says")
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        Diagnosis::from(error).into()
    }
}

/// An id that can be part of a filter pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchableId(String);

impl SearchableId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A filter pattern that matches the lines with the id.
    pub(crate) fn pattern(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl FromStr for SearchableId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |part: char| !part.is_whitespace() && !part.is_control() && !"\"\\".contains(part);
        let is_id = (1..=512).contains(&text.len()) && text.chars().all(is_plain);
        is_id.then(|| Self(text.to_owned())).ok_or_else(|| {
            "must have 1 to 512 characters, without white space, quotation marks and backslashes".to_owned()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_change_the_filter_pattern_is_refused() {
        for id in ["c327c2078ca056db130c55ce648d9fa2", "1613474523265-0", "a*"] {
            assert_eq!(format!("\"{id}\""), id.parse::<SearchableId>().unwrap().pattern());
        }
        for id in ["", "a b", "a\" -\"b", "a\\", "a\n", &"a".repeat(513)] {
            assert!(id.parse::<SearchableId>().is_err(), "{id:?}");
        }
    }
}
