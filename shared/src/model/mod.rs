//! The platform-independent model: messages, cards, conversations, inbound messages, receipts, and the names they refer to.

pub mod agent;
pub mod agentless;
pub mod card;
pub mod channel;
pub mod channel_name;
pub mod conversation;
mod email;
pub mod endpoint;
pub mod inbound;
pub mod integration_name;
pub mod message;
pub mod platform_name;
pub mod receipt;
pub mod trace_id;
