//! The agent's desk in a real browser, with the simulated platform behind it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod accessibility;
mod conversation;
mod fixture;
mod guard;
