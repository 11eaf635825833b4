//! The platforms by name. What each can do is in [`crate::platform`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which platform an integration connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PlatformName {
    /// Genesys Cloud Open Messaging.
    #[serde(rename = "genesys-cloud")]
    GenesysCloud,
    /// Genesys Multicloud CX (Digital Channels), third-party messaging.
    #[serde(rename = "multicloud-cx")]
    MulticloudCx,
    /// HighLevel.
    #[serde(rename = "highlevel")]
    HighLevel,
}

impl PlatformName {
    /// All platforms.
    pub const ALL: [Self; 3] = [Self::GenesysCloud, Self::MulticloudCx, Self::HighLevel];

    /// The name in configuration and deliveries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GenesysCloud => "genesys-cloud",
            Self::MulticloudCx => "multicloud-cx",
            Self::HighLevel => "highlevel",
        }
    }

    /// Reads the name from a field of a document.
    ///
    /// # Errors
    /// It is not the name of a platform. The message does not repeat the value.
    pub fn from_field(value: Value) -> Result<Self, String> {
        serde_json::from_value(value).map_err(|_| format!("must be `{}`", Self::ALL.map(Self::as_str).join("`, `")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_is_listed_and_has_one_spelling() {
        for platform in PlatformName::ALL {
            // A new platform must be added here and to `ALL`.
            match platform {
                PlatformName::GenesysCloud | PlatformName::MulticloudCx | PlatformName::HighLevel => {}
            }
            assert_eq!(serde_json::json!(platform), platform.as_str());
            assert_eq!(Ok(platform), PlatformName::from_field(platform.as_str().into()));
        }
        let expected = "must be `genesys-cloud`, `multicloud-cx`, `highlevel`";
        assert_eq!(Err(expected.to_owned()), PlatformName::from_field("hidden".into()));
    }
}
