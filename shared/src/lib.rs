//! The library that all of Patchbay's functions and its CLI share.
//!
//! A platform's webhook is parsed into a [`model::message::Message`], waits on the queue in an
//! [`delivery::envelope::Envelope`], and reaches the company's messaging service as a
//! [`delivery::payload::DeliveryPayload`]. A caller's request runs through [`api`] to a client in [`platform`], or
//! to the queue if it is a card for the messaging service or may be executed later.
//!
//! A module imports only from lower levels. `ARCHITECTURE.md` has the full table, and a test holds it. Nothing here depends
//! on a particular function, and [`platform`] does not depend on AWS.

pub mod api;
pub mod authorization;
pub mod aws;
pub mod cache;
pub mod channel;
pub mod delivery;
pub mod digest;
pub mod http_client;
pub mod inbound;
pub mod integration;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod media;
pub mod model;
pub mod observability;
pub mod platform;
pub mod signature;
