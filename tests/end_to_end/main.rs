//! Tests of the deployed stack: real function binaries, real AWS SDK calls to the emulated AWS, real HTTP.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod callers;
mod channels;
mod cli;
mod docs;
mod examples;
mod fixtures;
mod observability;
mod pipeline;
mod platforms;
mod single_function;
