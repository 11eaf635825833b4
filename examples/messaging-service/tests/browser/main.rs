//! The chat page of the sample messaging service, in a real browser.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod accessibility;
mod fixture;
mod guard;
mod hostile;
mod smoke;
