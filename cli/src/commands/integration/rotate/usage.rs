//! Finds uses of a secret that is being rotated out, in the functions' logs.

use super::target::RotationTarget;
use crate::aws::log_groups::log_groups;
use crate::aws::log_reader::LogReader;
use crate::aws::stack::Stack;
use crate::error::CliError;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::model::integration_name::IntegrationName;
use shared::signature::PREVIOUS_SECRET;
use std::time::Duration;

/// The log levels at which the functions write a line for each request.
const REQUEST_LOG_LEVELS: [&str; 3] = ["TRACE", "DEBUG", "INFO"];

#[derive(Debug, PartialEq, Eq)]
struct Uses {
    count: usize,
    last: Timestamp,
}

/// Requires that the old secret has not been used for `period`.
pub(super) async fn check_unused(
    stack: &Stack,
    name: &IntegrationName,
    target: &RotationTarget,
    period: Duration,
) -> Result<(), CliError> {
    if let Some(level) = stack.parameter("LogLevel").await?
        && !REQUEST_LOG_LEVELS.contains(&level.as_str())
    {
        return Err(CliError::Failed(format!(
            "it is unknown whether the old secret is still used: at the level {level} (the stack's parameter \
             LogLevel) the functions do not log it"
        )));
    }
    match find(stack, name, target, period).await? {
        None => Ok(()),
        Some(Uses { count, last }) => {
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            Err(CliError::Failed(format!(
                "the old secret is still used: {times} in the last {} s, last at {last}. Make the other side use the \
                 new one, and run this again when the old one has not been used for that long",
                period.as_secs()
            )))
        }
    }
}

async fn find(
    stack: &Stack,
    name: &IntegrationName,
    target: &RotationTarget,
    period: Duration,
) -> Result<Option<Uses>, CliError> {
    let reader = LogReader::new(stack);
    let since = Timestamp::now() - SignedDuration::try_from(period).unwrap_or_default();
    let pattern = format!("\"{PREVIOUS_SECRET}\" \"{name}\"");
    let mut found: Option<Uses> = None;
    for (_, group) in log_groups(stack).await? {
        let mut pages = reader.pages(&group, since, Some(&pattern));
        while let Some(page) = pages.try_next().await? {
            let messages = page.iter().filter_map(|event| event.message());
            for time in messages.filter_map(|line| time_of_use(line, name, target)) {
                let (count, last) = found.map_or((0, time), |uses| (uses.count, uses.last));
                found = Some(Uses { count: count + 1, last: last.max(time) });
            }
        }
    }
    Ok(found)
}

/// The time of a log line, if it reports a use of the old secret.
fn time_of_use(line: &str, name: &IntegrationName, target: &RotationTarget) -> Option<Timestamp> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| line.get(field).and_then(Value::as_str);
    let caller = match target {
        RotationTarget::Caller(caller) => Some(caller.as_str()),
        _ => None,
    };
    // Lines about requests of a channel's provider name the channel.
    let is_of_channel = text("channel").is_some_and(|channel| !channel.is_empty());
    let is_use = text("secret") == Some(PREVIOUS_SECRET)
        && is_of_channel == target.proves_channel_requests()
        && text("integration") == Some(name.as_str())
        && text("caller").filter(|caller| !caller.is_empty()) == caller;
    text("timestamp").filter(|_| is_use)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_uses_of_the_same_secret_count() {
        let line = |integration: &str, caller: &str, secret: &str| {
            json!({"timestamp": "2026-01-02T03:04:05.678Z", "integration": integration, "caller": caller, "secret": secret})
                .to_string()
        };
        let of_channel = |integration: &str| {
            json!({"timestamp": "2026-01-02T03:04:05Z", "integration": integration, "channel": "telegram", "secret": "previous"})
                .to_string()
        };
        let acme = "acme".parse().unwrap();
        let is_use = |line: String, target: &str| time_of_use(&line, &acme, &target.parse().unwrap()).is_some();
        assert!(is_use(line("acme", "crm", "previous"), "caller:crm"));
        assert!(is_use(line("acme", "", "previous"), "webhook"));
        assert!(is_use(of_channel("acme"), "channel-webhook") && is_use(of_channel("acme"), "auth-token"));
        for (line, target) in [
            (line("acme", "crm", "previous"), "webhook"),
            (line("acme", "", "previous"), "caller:crm"),
            (line("acme", "flows", "previous"), "caller:crm"),
            (line("acme-2", "crm", "previous"), "caller:crm"),
            (line("acme", "crm", ""), "caller:crm"),
            (line("acme", "", "previous"), "channel-webhook"),
            (of_channel("acme"), "webhook"),
            (of_channel("acme-2"), "auth-token"),
            ("acme previous".to_owned(), "webhook"),
        ] {
            assert!(!is_use(line.clone(), target), "{line}");
        }
    }
}
