//! The channels: providers through which Patchbay reaches customers, in place of a company's messaging service.
//!
//! A channel is a folder with its configuration, its webhooks, the rendering of messages and its API client. Its
//! configuration implements [`Provider`](provider::Provider); [`registry`] lists the channels. Channels know nothing of
//! platforms: all they get is a [`ChannelMessage`], and all they report is a [`ChannelEvent`]. Nothing here depends on AWS.

mod address;
mod error;
mod event;
mod file;
mod link;
mod map;
mod message;
pub mod offer;
mod provider;
mod registry;
mod seal;
mod split;
pub mod telegram;
pub mod twilio;

pub use crate::model::channel_name::ChannelName;
pub use address::ChannelAddress;
pub use error::{FileError, SendError};
pub use event::{ChannelCustomer, ChannelEvent, CustomerEvent, FileReference, Press, ReceivedFile, StatusReport};
pub use link::{FileLink, StatusLink};
pub use message::{ChannelMessage, Template, Unsupported};
pub use offer::{offer_key, split_press};
pub use provider::{Acknowledgement, ProviderRequest, TrialRequest};
pub use registry::{ATTEMPT_TIMEOUT, ChannelConfig, ChannelPart, Channels};
pub use seal::Sealer;
