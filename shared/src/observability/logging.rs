//! Log lines: JSON, one for the end of each request or message at each function, and one for each call to a platform.
//!
//! They are found together by their ids: `request_id` is Lambda's of the invocation, `trace_id` the caller's or the
//! platform's, `message_id`, `conversation_id` and `correlation_id` are the platform's, and `webhook_id` is the delivery's,
//! which the ledger knows it by. What went well is an `INFO`, what was refused or is to be tried again a `WARN`, and what an
//! operator has to act on an `ERROR`.
//!
//! No line holds message text, an address, a token or a secret; types that could print them hide them.

use std::panic;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard output. `AWS_LAMBDA_LOG_LEVEL` (set by Lambda) or `RUST_LOG` sets the level of our own
/// crates, `function` being the one that runs; `info` unless either is there. Other crates only warn: at their finest
/// levels they print what passes through them, messages and all.
pub fn start(function: &str) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter(function, level.as_deref().unwrap_or_default()))
        .init();
    // A panic's message may quote what it choked on.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
}

fn filter(function: &str, level: &str) -> EnvFilter {
    // Lambda's words are tracing's in upper case; its FATAL is our ERROR.
    let level = match level.to_ascii_lowercase().as_str() {
        "fatal" => "error",
        level @ ("trace" | "debug" | "warn" | "error") => level,
        _ => "info",
    }
    .to_owned();
    EnvFilter::new(format!("warn,shared={level},{function}={level}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_that_of_our_own_crates_only() {
        assert_eq!("receiver=trace,shared=trace,warn", filter("receiver", "TRACE").to_string());
        assert_eq!("receiver=error,shared=error,warn", filter("receiver", "FATAL").to_string());
        for other in ["", "lambda_runtime=trace", "nonsense"] {
            assert_eq!("receiver=info,shared=info,warn", filter("receiver", other).to_string());
        }
    }
}
