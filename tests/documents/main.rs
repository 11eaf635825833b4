//! README.md and the guides are correct, as far as can be checked without a stack. End-to-end tests run their commands.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod completeness;
mod content_types;
mod links;
mod numbers;
mod samples;
mod template;
