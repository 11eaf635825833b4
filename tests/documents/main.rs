//! What README.md and the guides say is true, as far as it can be told without a stack. Their commands are run by the
//! end-to-end tests.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod completeness;
mod content_types;
mod links;
mod numbers;
mod samples;
mod template;
