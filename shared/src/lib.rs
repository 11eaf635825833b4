//! What Patchbay's functions have in common.
//!
//! A platform's webhook becomes a [`model::message::Message`], travels through the queue as an [`delivery::envelope::Envelope`], and
//! reaches the company's messaging service as a [`delivery::payload::DeliveryPayload`]. [`integration`] says how one platform account
//! is connected, [`signature`] who may speak, [`ledger`] what has been done already.
//!
//! Nothing here knows a particular function, and [`platform`] knows nothing of AWS.

pub mod api;
pub mod aws;
pub mod delivery;
pub mod digest;
pub mod http_client;
pub mod integration;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod media;
pub mod model;
pub mod observability;
pub mod platform;
pub mod signature;
