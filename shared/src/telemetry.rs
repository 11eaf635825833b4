//! Log lines: JSON, one for what happened to each request or message.
//!
//! No line holds message text, an address, a token or a secret; types that could print them hide them.

use tracing_subscriber::EnvFilter;

/// Starts logging to standard output. `AWS_LAMBDA_LOG_LEVEL` (set by Lambda) or `RUST_LOG` sets the level, `info` unless
/// either is there. Lambda adds the time.
pub fn start() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    // Lambda's words in upper case are tracing's; its FATAL is our ERROR.
    let level = level.unwrap_or_default().to_ascii_lowercase().replace("fatal", "error");
    let filter = EnvFilter::try_new(if level.is_empty() { "info" } else { &level }).unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}
