//! The library that all of Patchbay's functions and its CLI share.
//!
//! A platform's webhook is parsed into a [`model::message::Message`], waits on the queue in an
//! [`delivery::envelope::Envelope`], and reaches the company's messaging service as a
//! [`delivery::payload::DeliveryPayload`]. A caller's request runs through [`api`] to a client in [`platform`], or
//! to the queue if it is a card for the messaging service or may be executed later.
//!
//! | level | modules | what they are |
//! | --- | --- | --- |
//! | 10 | [`inbound`] | posting what customers do to the platform, at once or from the queue |
//! | 9 | [`api`], [`authorization`] | the HTTP API of callers: authentication, idempotency, responses, problems; the platforms' tokens that expire |
//! | 8 | [`delivery`], [`ledger`] | the queue and the deliveries to the messaging service; the idempotency store |
//! | 7 | [`integration`] | a connection of a platform's account to a messaging service: configuration, callers, secrets |
//! | 4–6 | [`platform`] | the platforms' webhooks and API clients, and what they have in common |
//! | 3 | [`observability`] | log lines and metrics |
//! | 2 | [`model`], [`media`], [`aws`] | messages, cards and receipts of all platforms alike; files from other hosts; the AWS SDK |
//! | 1 | [`json`], [`signature`], [`digest`], [`http_client`], [`limits`], [`cache`] | what all levels build on |
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
