//! Metrics, and the log with its context.

pub mod context;
pub mod logging;
pub mod metrics;
