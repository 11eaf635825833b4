//! HighLevel, also known as LeadConnector.
//!
//! Two of its mechanisms lead to our webhook. An app's webhook tells of every message that a user has sent, and a
//! conversation provider's delivery URL asks that a message be sent. Source:
//! <https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage/> and `…/ProviderOutboundMessage/`. The examples
//! there lack fields that the schemas have, and fields are of other types than the schemas say, so nearly everything is
//! read as optional.

pub mod api;
pub mod config;
pub mod message_type;
mod normalize;
mod platform;
mod wire;
