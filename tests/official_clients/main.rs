//! Clients that others wrote, the vendors' official ones where there are any, against the simulated platforms and providers of
//! channels: what a client sends is accepted, and the answers fit its models. What the simulators sign, it validates.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod client;
mod genesys_cloud;
mod highlevel;
mod telegram;
mod twilio;
