//! Runs functions as processes against its own Lambda Runtime API and stubs of AWS, the platform and the messaging service,
//! and measures them.
//!
//! It depends only on the functions' environment variables, events and calls, so that it can also measure functions that were
//! built from an earlier commit.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a failed measurement ends the program

pub mod builds;
pub mod http;
pub mod operations;
pub mod process;
pub mod report;
pub mod run;
pub mod sizes;
pub mod stubs;
pub mod tls;
pub mod usage;
pub mod webhooks;
