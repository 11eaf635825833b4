//! What the addresses hold that a provider or a platform calls: sealed, so that nothing has to be stored, nothing can be
//! forged, and no log of URLs shows an address.

use super::event::FileReference;
use super::seal::Sealer;
use crate::model::receipt::Recipient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::Not;

/// In the address to which a provider reports the status of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusLink {
    /// The platform's id of the message.
    #[serde(rename = "m")]
    pub message_id: String,
    #[serde(rename = "t")]
    pub to: Recipient,
    /// Whether it is the last part of its message. A message is delivered when its last part is, because parts are sent in
    /// order, and has failed when any part has.
    #[serde(rename = "l")]
    pub is_last: bool,
    /// The replay that sent the first part of the message.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// The customer's address in the channel, if the platform has an id of its own.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the platform takes no receipt of the message.
    #[serde(rename = "n", default, skip_serializing_if = "Not::not")]
    pub without_receipt: bool,
}

/// In the address of a customer's file, for the platform.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct FileLink {
    #[serde(rename = "r")]
    pub reference: FileReference,
    /// The media type by RFC 6838.
    #[serde(rename = "t")]
    pub mime: String,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// In seconds since 1970.
    #[serde(rename = "e")]
    pub expires_at: i64,
}

const STATUS: &str = "status";
const FILE: &str = "file";

impl StatusLink {
    #[must_use]
    pub fn seal(&self, sealer: &Sealer) -> Option<String> {
        sealer.seal(STATUS, self)
    }

    #[must_use]
    pub fn open(sealer: &Sealer, token: &str) -> Option<Self> {
        sealer.open(STATUS, token)
    }
}

impl FileLink {
    /// The largest file that its route can answer with: Lambda's answer is at most 6 MB, with the file in base64.
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
    pub const MAX_BYTES: u64 = 4_400_000;

    #[must_use]
    pub fn seal(&self, sealer: &Sealer) -> Option<String> {
        sealer.seal(FILE, self)
    }

    /// The link, if it has not expired.
    #[must_use]
    pub fn open(sealer: &Sealer, token: &str, now: Timestamp) -> Option<Self> {
        sealer.open(FILE, token).filter(|link: &Self| now.as_second() < link.expires_at)
    }
}
