//! What Patchbay promises, tried on the deployed stack: real function binaries, real AWS SDK calls to the emulated AWS,
//! real HTTP.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod agent;
mod alone;
mod cards;
mod customer_cards;
mod delivery;
mod dispatching;
mod every_platform;
mod faults;
mod highlevel;
mod inbound;
mod ledger;
mod logs;
mod multicloud_cx;
mod observability;
mod order;
mod outages;
mod page;
mod platform;
mod readme;
mod receipt_route;
mod receipts;
mod refusals;
mod rotation;
mod senders;
