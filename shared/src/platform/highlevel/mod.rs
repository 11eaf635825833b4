//! HighLevel, also known as LeadConnector.
//!
//! Two mechanisms call our webhook: an app's webhook reports every message that a user has sent, and the delivery URL of a
//! conversation provider requests that a message be sent. Source:
//! <https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage/> and `…/ProviderOutboundMessage/`. The examples
//! there lack fields of the schemas, and some fields have other types than in the schemas, so nearly everything is
//! optional.

mod address;
pub mod api;
pub mod config;
pub mod message_type;
mod normalize;
mod platform;
mod wire;
