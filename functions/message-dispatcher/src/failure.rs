//! Messages that will not be delivered.

use shared::delivery::client::Refusal;
use shared::delivery::record::{self, Record, RecordedReceipt};
use shared::model::receipt::{DeliveryStatus, FailureReason, ReasonCode};

/// Why a message will not be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The messaging service refused it for good.
    Refused(Refusal),
    /// It could not be delivered before it was too old.
    Expired,
    /// A typing event that could not be delivered at once; it is worth nothing later.
    Dropped,
}

impl Failure {
    /// A word for the log and the ledger.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Refused(Refusal::Gone) => "gone",
            Self::Refused(_) => "refused",
            Self::Expired => "expired",
            Self::Dropped => record::DROPPED,
        }
    }

    /// The status with which it was refused.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status().as_u16()),
            Self::Expired | Self::Dropped => None,
        }
    }

    /// What the ledger keeps of it, the receipt that is due included.
    pub(crate) fn record(self) -> Record {
        Record {
            reason: Some(self.word().to_owned()),
            status: self.status(),
            receipt: Some(RecordedReceipt {
                reasons: vec![self.reason()],
                ..RecordedReceipt::final_with(DeliveryStatus::Failed)
            }),
        }
    }

    /// What the agent is told.
    pub(crate) fn reason(self) -> FailureReason {
        let (code, message) = match self {
            Self::Refused(refusal) => {
                let status = refusal.status().as_u16();
                (code_of(refusal), format!("The messaging service refused the message with status {status}."))
            }
            Self::Expired | Self::Dropped => {
                (ReasonCode::MessageExpired, "The messaging service could not be reached in time.".to_owned())
            }
        };
        FailureReason { code, message }
    }
}

/// The platforms' code for a refusal.
fn code_of(refusal: Refusal) -> ReasonCode {
    match refusal {
        Refusal::BadRequest | Refusal::UnprocessableContent => ReasonCode::InvalidMessageStructure,
        Refusal::Gone => ReasonCode::InvalidDestination,
        Refusal::ContentTooLarge => ReasonCode::InvalidMediaContentLength,
    }
}
