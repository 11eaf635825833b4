//! Waits until every function uses the new configuration.

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
use jiff::{SignedDuration, Timestamp};
use shared::integration::SETTLING_TIME;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the remaining time is printed, on a terminal and otherwise.
const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// The time from writing a configuration until every function uses it, and none the previous one.
pub(super) async fn propagation_time(stack: &Stack) -> Result<Duration, CliError> {
    Ok(stack.configuration_cache().await? + SETTLING_TIME)
}

/// The time when `left` will have passed, rounded up to whole seconds.
pub(super) fn time_after(left: Duration) -> Timestamp {
    let left = SignedDuration::try_from(left).unwrap_or_default();
    let at = Timestamp::now().saturating_add(left).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(at.as_second() + 1).unwrap_or(at)
}

/// Waits, and shows the remaining time.
pub(super) async fn wait(left: Duration, output: Output) {
    let end = Instant::now() + left;
    let shows = !output.is_json() && stderr().is_terminal();
    let period = if shows { TERMINAL_INTERVAL } else { LOG_INTERVAL };
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let text = format!("  waiting until every function uses it: {} s", left.as_secs() + 1);
        if shows {
            // Without a terminal only the progress is lost.
            let _ = write!(stderr(), "\r\x1b[K{text}").and_then(|()| stderr().flush());
        } else {
            output.progress(&text);
        }
        sleep(left.min(period)).await;
    }
    if shows {
        let _ = write!(stderr(), "\r\x1b[K").and_then(|()| stderr().flush());
    }
}
