//! Messages that will not be delivered.

use http::StatusCode;
use serde_json::json;
use shared::integration::IntegrationName;
use shared::message::Message;

/// Why a message will not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The messaging service refused it for good.
    Refused(StatusCode),
    /// It could not be delivered before it was too old.
    Expired,
    /// A typing event that could not be delivered at once; it is worth nothing later.
    Dropped,
}

impl Failure {
    fn reason(self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }

    fn status(self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(status.as_u16()),
            Self::Expired | Self::Dropped => None,
        }
    }

    /// What the ledger keeps.
    pub(crate) fn record(self) -> String {
        match self.status() {
            Some(status) => json!({ "reason": self.reason(), "status": status }),
            None => json!({ "reason": self.reason() }),
        }
        .to_string()
    }
}

/// Makes known that `message` will not be delivered: whoever waits for a receipt has to hear of it.
///
/// The log is where it is made known; the line is an error, and alarms can count it.
pub(crate) fn report_failure(integration: &IntegrationName, message: &Message, failure: Failure) {
    let (integration, message_id, kind) = (integration.as_str(), &message.message_id, message.kind.name());
    let (reason, status, receipt_due) = (failure.reason(), failure.status(), message.kind.expects_receipt());
    tracing::error!(integration, message_id, kind, outcome = "failed", reason, status, receipt_due);
}
