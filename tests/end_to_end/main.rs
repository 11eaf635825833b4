//! What Patchbay promises, tried on the deployed stack: real function binaries, real AWS SDK calls to the emulated AWS,
//! real HTTP.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod alone;
mod delivery;
mod dispatching;
mod faults;
mod ledger;
mod order;
mod outages;
mod refusals;
mod rotation;
