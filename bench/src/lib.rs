//! Runs functions as processes behind a Lambda Runtime API of its own, with stubs of AWS, of the platform and of the
//! messaging service, and measures them.
//!
//! It knows a function by its environment variables, its events and its calls alone, so that it can measure functions
//! that were built from another commit.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a measurement that cannot be made ends the program

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
