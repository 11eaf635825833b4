//! The contact-centre platforms.
//!
//! A platform is a folder with its configuration, its webhooks (wire types and their conversion to the neutral
//! [`Message`](crate::model::message::Message)) and its API client. Its configuration implements
//! [`WebhookPlatform`](webhook::WebhookPlatform); [`registry`] lists the platforms and which calls each of them has.
//! Nothing here depends on AWS.

mod api;
mod attempts;
mod config_fields;
mod error;
pub mod genesys_cloud;
pub mod highlevel;
pub mod multicloud_cx;
mod payload;
mod rate_limit;
mod registry;
pub mod tokens;
mod transport;
pub mod upload;
mod webhook;

pub use crate::model::platform_name::PlatformName;
pub use api::{InboundAccepted, Route, SentMessage, UserLookup};
pub use attempts::Attempts;
pub(crate) use error::is_safe_code;
pub use error::{ApiError, CredentialsRefusal, NoAuthorization, PlatformError};
pub use registry::{PlatformConfig, Platforms};
pub use webhook::{Received, Rejection, Withdrawal};
