//! Every channel in one place: its configuration, and which client makes a call.
//!
//! The matches are exhaustive. A new channel is a folder, a variant of
//! [`ChannelName`](crate::model::channel_name::ChannelName), of [`ChannelConfig`] and of [`ChannelPart`], a field of
//! [`Channels`], and the arms that the compiler then asks for.

mod calls;
mod config;

pub use calls::{ATTEMPT_TIMEOUT, ChannelPart, Channels};
pub use config::ChannelConfig;
