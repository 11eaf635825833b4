//! Why a message failed permanently.

use jiff::Timestamp;
use shared::delivery::client::Refusal;
use shared::delivery::record::{self, DeliveryRecord, RecordedReceipt};
use shared::model::receipt::{DeliveryStatus, FailureReason, ReasonCode};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The messaging service refused it permanently.
    Refused(Refusal),
    /// The channel refused it permanently.
    RefusedByChannel {
        reason: FailureReason,
        /// The provider's code.
        code: Option<String>,
    },
    /// The channel has no form for it; the sentence is what the agent sees.
    Unsupported(&'static str),
    /// The channel may have sent it, and would send it twice.
    OutcomeUnknown(String),
    /// It could not be delivered within `giveUpAfterSeconds`.
    Expired(ReasonCode),
    /// A typing event that could not be delivered at the first attempt: it is of no use later.
    Dropped,
}

impl Failure {
    /// The reason in the ledger and on the parking queue.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::Gone) => record::GONE,
            Self::Refused(_) | Self::RefusedByChannel { .. } => record::REFUSED,
            Self::Unsupported(_) => record::UNSUPPORTED,
            Self::OutcomeUnknown(_) => record::OUTCOME_UNKNOWN,
            Self::Expired(_) => record::EXPIRED,
            Self::Dropped => record::DROPPED,
        }
    }

    /// The status with which the messaging service refused it.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status().as_u16()),
            _ => None,
        }
    }

    /// The code with which the channel refused it.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::RefusedByChannel { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Why the last attempt failed, if that is not why the message failed.
    fn cause(&self) -> Option<String> {
        match self {
            Self::OutcomeUnknown(cause) => Some(cause.clone()),
            Self::RefusedByChannel { code, .. } => code.clone(),
            _ => None,
        }
    }

    /// What the ledger stores, with the receipt that is due. `error` is why the last attempt failed, if that is not why the
    /// message failed.
    pub(crate) fn record(&self, error: Option<String>) -> DeliveryRecord {
        DeliveryRecord {
            reason: Some(self.as_str().to_owned()),
            status: self.status(),
            at: Some(Timestamp::now()),
            error: error.or_else(|| self.cause()),
            receipt: Some(RecordedReceipt {
                reasons: vec![self.reason()],
                ..RecordedReceipt::final_with(DeliveryStatus::Failed)
            }),
        }
    }

    /// What the agent sees.
    fn reason(&self) -> FailureReason {
        const LATE: &str = "The message could not be delivered in time.";
        let (code, message) = match self {
            Self::Refused(refusal) => {
                let status = refusal.status().as_u16();
                (reason_code(*refusal), format!("The messaging service refused the message with status {status}."))
            }
            Self::RefusedByChannel { reason, .. } => return reason.clone(),
            Self::Unsupported(sentence) => (ReasonCode::UnsupportedMessage, (*sentence).to_owned()),
            Self::OutcomeUnknown(_) => {
                (ReasonCode::GeneralError, "It is not known whether the customer got the message.".to_owned())
            }
            Self::Expired(code) => (code.clone(), LATE.to_owned()),
            Self::Dropped => (ReasonCode::MessageExpired, LATE.to_owned()),
        };
        FailureReason { code, message }
    }
}

fn reason_code(refusal: Refusal) -> ReasonCode {
    match refusal {
        Refusal::BadRequest | Refusal::UnprocessableContent => ReasonCode::InvalidMessageStructure,
        Refusal::Gone => ReasonCode::InvalidDestination,
        Refusal::ContentTooLarge => ReasonCode::InvalidMediaContentLength,
    }
}
