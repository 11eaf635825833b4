//! Metrics and log lines.

pub mod logging;
pub mod metrics;
