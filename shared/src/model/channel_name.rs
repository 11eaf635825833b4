//! The channels by name. What each can do is in [`crate::channel`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The provider through which Patchbay reaches customers, in place of a messaging service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelName {
    Twilio,
    Telegram,
}

impl ChannelName {
    pub const ALL: [Self; 2] = [Self::Twilio, Self::Telegram];

    /// The name in configuration and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telegram => "telegram",
        }
    }

    /// Reads the name from a field of a document.
    ///
    /// # Errors
    /// It is not the name of a channel. The message does not repeat the value.
    pub fn from_field(value: Value) -> Result<Self, String> {
        serde_json::from_value(value).map_err(|_| format!("must be `{}`", Self::ALL.map(Self::as_str).join("` or `")))
    }
}
