//! The vendors' official clients against the simulated platforms: what a client sends is accepted, and the answers fit its
//! models.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod client;
mod genesys_cloud;
mod highlevel;
