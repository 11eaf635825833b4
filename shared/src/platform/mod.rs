//! The contact-centre platforms: a folder each, with its wire types and how they become a [`Message`].
//!
//! What a platform is to the rest of Patchbay is two traits, `Platform` for an integration's side of it and `PlatformApi`
//! for the calls; which platforms there are stands in the list below, and nowhere else. Nothing here knows of AWS.

#[macro_use]
mod list;
mod api;
mod body;
mod error;
pub mod genesys_cloud;
pub mod highlevel;
mod lenient;
pub mod multicloud_cx;
mod setting;
mod transport;
mod webhook;

pub use api::{Posted, Route, SentMessage, UserLookup};
pub(crate) use error::is_code;
pub use error::{ApiError, CredentialsRefusal, PlatformError};
pub use webhook::{Received, Rejection};

use crate::json::fields::{FieldError, Fields};
use crate::model::card::CardMessage;
use crate::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use crate::model::message::Message;
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus};
use crate::signature::{MatchedSecret, SignatureError};
use api::PlatformApi;
use genesys_cloud::api::{AgentMessage, AgentlessMessage, Communication, Upload, UploadError};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use webhook::Platform;

platforms! {
    /// Genesys Cloud Open Messaging.
    GenesysCloud = "genesys-cloud" in genesys_cloud,
    /// Genesys Multicloud CX (Digital Channels), third-party messaging.
    MulticloudCx = "multicloud-cx" in multicloud_cx,
    /// HighLevel.
    HighLevel = "highlevel" in highlevel,
}
