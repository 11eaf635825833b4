use clap::ValueEnum;
use serde::Serialize;

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    /// Accepted, and no attempt is recorded yet
    Waiting,
    /// An attempt failed, and another one is made
    Retrying,
    /// Refused or given up, and kept for a replay
    Failed,
    /// Accepted by the messaging service or the channel, or by the platform
    Delivered,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
        }
    }

    /// Whether only the log names these messages.
    pub(super) fn is_from_log(self) -> bool {
        match self {
            Self::Waiting | Self::Delivered => true,
            Self::Retrying | Self::Failed => false,
        }
    }
}
