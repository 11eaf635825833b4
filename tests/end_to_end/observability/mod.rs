//! The log and the metrics that an operator sees.

mod calls;
pub(crate) mod logs;
mod run;
mod signals;
