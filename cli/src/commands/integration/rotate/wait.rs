//! Waiting until every function has read the configuration that was written.

use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
use jiff::{SignedDuration, Timestamp};
use shared::integration::SETTLING_TIME;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the time that is left is shown on a terminal, and elsewhere.
const AT_A_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(30);

/// How long after it was written a configuration is in use everywhere, and the one before it nowhere.
pub(super) async fn propagation_time(stack: &Stack) -> Result<Duration, Failure> {
    Ok(stack.configuration_cache().await? + SETTLING_TIME)
}

/// When so much time will have passed, in whole seconds.
pub(super) fn after(left: Duration) -> Timestamp {
    let left = SignedDuration::try_from(left).unwrap_or_default();
    let at = Timestamp::now().saturating_add(left).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(at.as_second() + 1).unwrap_or(at)
}

/// Waits, and shows how long it still takes.
pub(super) async fn wait(left: Duration, output: Output) {
    let end = Instant::now() + left;
    let shows = !output.is_json() && stderr().is_terminal();
    let period = if shows { AT_A_TERMINAL } else { ELSEWHERE };
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let text = format!("  waiting until every function uses it: {} s", left.as_secs() + 1);
        if shows {
            // Nothing is lost where the terminal is gone.
            let _ = write!(stderr(), "\r\x1b[K{text}").and_then(|()| stderr().flush());
        } else {
            output.say(&text);
        }
        sleep(left.min(period)).await;
    }
    if shows {
        let _ = write!(stderr(), "\r\x1b[K").and_then(|()| stderr().flush());
    }
}
