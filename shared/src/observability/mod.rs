//! Metrics and log lines.

pub mod calls;
pub mod logging;
pub mod metrics;
