//! Twilio Programmable Messaging: SMS, MMS and WhatsApp.

pub mod api;
mod codes;
pub mod config;
mod customer;
mod file;
mod media;
mod parameters;
mod render;
pub mod setup;
mod sid;
mod signature;
#[cfg(test)]
mod tests;
mod webhook;

pub use render::Part;
