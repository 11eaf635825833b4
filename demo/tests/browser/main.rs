//! The agent's desk and customers' telephones in a real browser, with the simulated platform and providers behind them.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod accessibility;
mod conversation;
mod fixture;
mod guard;
mod sides;
mod telephone;
mod telephone_accessibility;
mod telephone_fixture;
