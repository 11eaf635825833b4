//! Metrics and log lines.

pub mod calls;
pub mod emf;
pub mod logging;
pub mod metrics;
