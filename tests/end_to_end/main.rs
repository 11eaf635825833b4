//! What Patchbay promises, tried on the deployed stack: real function binaries, real AWS SDK calls to the emulated AWS,
//! real HTTP.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod agent;
mod alone;
mod cards;
mod command_account;
mod command_dead_letters;
mod command_doctor;
mod command_doctor_setting;
mod command_doctor_stack;
mod command_failed;
mod command_integration;
mod command_integration_answers;
mod command_operate;
mod command_redrive;
mod command_rotation;
mod command_send;
mod command_setting;
mod content_types;
mod customer_cards;
mod delivery;
mod dispatching;
mod documents;
mod every_platform;
mod faults;
mod highlevel;
mod inbound;
mod inbound_tolerance;
mod ledger;
mod logs;
mod multicloud_cx;
mod observability;
mod odd_webhooks;
mod openapi;
mod order;
mod outages;
mod page;
mod parking;
mod platform;
mod receipt_route;
mod receipts;
mod refusals;
mod rotation;
mod senders;
