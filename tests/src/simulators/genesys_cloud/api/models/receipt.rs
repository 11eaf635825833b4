//! Receipts from the customer's side.

use super::fields::{Date, IdType, Text};
use super::{Invalid, Model};
use serde::Deserialize;

/// `OpenInboundNormalizedReceipt`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Receipt {
    id: Text,
    pub(crate) channel: ReceiptChannel,
    status: Status,
    reasons: Option<Vec<Reason>>,
    is_final_receipt: Option<bool>,
}

impl Model for Receipt {
    fn check(&self) -> Result<(), Invalid> {
        match (&self.status, &self.reasons) {
            (Status::Failed, _) | (_, None) => Ok(()),
            (_, Some(reasons)) if reasons.is_empty() => Ok(()),
            (_, Some(_)) => Err(Invalid::new("reasons", "belong to Failed receipts")),
        }
    }
}

/// `OpenInboundMessagingReceiptChannel`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptChannel {
    to: To,
    pub(crate) time: Date,
}

/// `OpenMessagingToRecipient`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct To {
    nickname: Option<Text>,
    id: Text,
    id_type: Option<IdType>,
    first_name: Option<Text>,
    last_name: Option<Text>,
    image: Option<Text>,
    email: Option<Text>,
}

#[derive(Debug, Deserialize)]
enum Status {
    Sent,
    Delivered,
    Failed,
    Published,
    Removed,
}

/// `ConversationReason`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    code: Option<ReasonCode>,
    message: Text,
}

#[derive(Debug, Deserialize)]
enum ReasonCode {
    MessageExpired,
    RateLimited,
    MessageNotAllowed,
    GeneralError,
    UnsupportedMessage,
    UnknownMessage,
    InvalidMessageStructure,
    InvalidDestination,
    ServerError,
    MediaTypeNotAllowed,
    InvalidMediaContentLength,
    RecipientOptedOut,
    DataFiltered,
}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_failed_receipt_has_reasons() {
        let failed = json!({
            "id": "m",
            "channel": {"to": {"id": "c", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"},
            "status": "Failed",
            "reasons": [{"code": "GeneralError", "message": "why"}],
            "isFinalReceipt": true,
        });
        accepts::<Receipt>(&failed);
        for status in ["Sent", "Delivered", "Published", "Removed"] {
            accepts::<Receipt>(&json!({"id": "m", "channel": failed["channel"], "status": status}));
        }
        for (pointer, value) in [
            ("/id", None),
            ("/channel/to", None),
            ("/channel/time", None),
            ("/channel/from", Some(json!({"id": "i", "idType": "Opaque"}))),
            ("/status", Some(json!("Delivered"))),
            ("/status", Some(json!("Read"))),
            ("/reasons", Some(json!("why"))),
            ("/reasons/0/code", Some(json!("510"))),
            ("/reasons/0/message", None),
            ("/isFinalReceipt", Some(json!("true"))),
        ] {
            refuses::<Receipt>(&failed, pointer, value);
        }
    }
}
