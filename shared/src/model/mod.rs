//! What is sent, received and reported, for all platforms alike.

pub mod card;
pub mod inbound;
pub mod integration_name;
pub mod message;
pub mod receipt;
pub mod trace_id;
