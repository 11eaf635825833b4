//! What Patchbay's functions have in common.
//!
//! A platform's webhook becomes a [`message::Message`], travels through the queue as an [`envelope::Envelope`], and
//! reaches the company's messaging service as a [`delivery::Delivery`]. [`integration`] says how one platform account
//! is connected, [`signature`] who may speak, [`ledger`] what has been done already.
//!
//! Nothing here knows a particular function, and [`platform`] knows nothing of AWS.

pub mod aws;
pub mod caller;
pub mod card;
pub mod delivery;
pub mod envelope;
pub mod fields;
pub mod gateway;
pub mod i_json;
pub mod identity;
pub mod inbound;
pub mod integration;
pub mod json_bounds;
pub mod ledger;
pub mod limits;
pub mod media;
pub mod message;
pub mod messaging_service;
pub mod metrics;
mod open_enum;
pub mod outbound;
pub mod parking;
pub mod platform;
pub mod probe;
pub mod problem;
pub mod queue;
pub mod receipt;
pub mod record;
pub mod scope;
pub mod sender;
pub mod signature;
pub mod telemetry;
pub mod trace;
