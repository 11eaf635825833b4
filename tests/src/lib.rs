//! Shared by the tests, the demonstration and the upgrade test.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

pub mod harness;
pub mod simulators;
pub mod spec;
