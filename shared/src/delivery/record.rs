//! What the ledger keeps of a message that is settled: how it ended, and the receipt that is due. No address, no text.

use crate::delivery::envelope::{Envelope, ReceiptEnvelope};
use crate::model::message::{Message, Party};
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, Recipient};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The reason of a typing event that could not be delivered at once.
pub const DROPPED: &str = "dropped";
/// The reason of the text of a card that the customer gets as a card. Versions before this one recorded none for it.
const TEXT_TRACE: &str = "text trace";

/// How a message ended.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Why it failed, or was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status with which it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The receipt that is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<RecordedReceipt>,
}

/// A receipt but for what the message itself says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedReceipt {
    /// What it says.
    pub status: DeliveryStatus,
    /// Only their codes are kept: the words are the messaging service's, and may name the customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "codes")]
    pub reasons: Vec<FailureReason>,
    /// Whether no further receipt will come for the message. Written only where one will.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub is_final: bool,
}

impl RecordedReceipt {
    /// The last one for its message, without reasons.
    #[must_use]
    pub fn final_with(status: DeliveryStatus) -> Self {
        Self { status, reasons: Vec::new(), is_final: true }
    }
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl Record {
    /// That of the text of a card that the customer gets as a card.
    #[must_use]
    pub fn text_trace() -> Self {
        Self { reason: Some(TEXT_TRACE.to_owned()), ..Self::default() }
    }

    /// Whether it was neither delivered nor refused nor given up, but is worth nothing to the customer.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        matches!(self.reason.as_deref(), Some(DROPPED | TEXT_TRACE))
    }

    /// Reads what the ledger kept.
    #[must_use]
    pub fn read(answer: Option<&str>) -> Self {
        answer.and_then(|answer| serde_json::from_str(answer).ok()).unwrap_or_default()
    }

    /// What the ledger keeps; nothing where there is nothing to say.
    #[must_use]
    pub fn to_answer(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }

    /// The receipt that is due for `message`; none where the platform did not say who the customer is.
    #[must_use]
    pub fn receipt_for(&self, envelope: &Envelope, message: &Message) -> Option<ReceiptEnvelope> {
        let due = self.receipt.as_ref()?;
        let now = Timestamp::now();
        Some(ReceiptEnvelope {
            integration: envelope.integration.clone(),
            received_at: now,
            receipt: DeliveryReceipt {
                message_id: message.message_id.clone(),
                from: message.from.as_ref().and_then(end),
                to: message.to.as_ref().and_then(end)?,
                status: due.status,
                reasons: due.reasons.clone(),
                time: now,
                is_final: due.is_final,
                trace_id: envelope.trace_id.clone(),
            },
        })
    }
}

/// One end of a message as a receipt names it; none where the platform did not say who it is.
fn end(party: &Party) -> Option<Recipient> {
    Some(Recipient { id: party.id.clone()?, id_type: party.id_type.clone() })
}

/// Reasons as their codes.
mod codes {
    use crate::model::receipt::{DEFAULT_FAILURE_MESSAGE, FailureReason, ReasonCode};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(reasons: &[FailureReason], serializer: S) -> Result<S::Ok, S::Error> {
        reasons.iter().map(|reason| &reason.code).collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FailureReason>, D::Error> {
        let codes = Vec::<ReasonCode>::deserialize(deserializer)?;
        Ok(codes.into_iter().map(|code| FailureReason { code, message: DEFAULT_FAILURE_MESSAGE.to_owned() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::receipt::ReasonCode;
    use crate::platform::PlatformName;

    #[test]
    fn the_ledger_keeps_codes_and_none_of_the_messaging_services_words() {
        let reasons = vec![FailureReason { code: ReasonCode::InvalidDestination, message: "+49 170".to_owned() }];
        let receipt = Some(RecordedReceipt { reasons, ..RecordedReceipt::final_with(DeliveryStatus::Failed) });
        let answer = Record { receipt, ..Record::default() }.to_answer().unwrap();
        assert_eq!(r#"{"receipt":{"status":"Failed","reasons":["InvalidDestination"]}}"#, answer);
        let read = Record::read(Some(&answer)).receipt.unwrap();
        assert_eq!((ReasonCode::InvalidDestination, true), (read.reasons[0].code.clone(), read.is_final));
    }

    #[test]
    fn a_receipt_behind_which_another_will_come_is_recorded_as_such() {
        let receipt = RecordedReceipt { is_final: false, ..RecordedReceipt::final_with(DeliveryStatus::Delivered) };
        let answer = Record { receipt: Some(receipt), ..Record::default() }.to_answer().unwrap();
        assert_eq!(r#"{"receipt":{"status":"Delivered","isFinal":false}}"#, answer);
        assert!(!Record::read(Some(&answer)).receipt.unwrap().is_final);
    }

    #[test]
    fn a_text_trace_is_recorded_as_dropped_in_the_form_that_every_version_reads() {
        let answer = Record::text_trace().to_answer().unwrap();
        assert_eq!(r#"{"reason":"text trace"}"#, answer);
        assert!(Record::read(Some(&answer)).is_dropped());
        let refused = r#"{"reason":"refused","status":404}"#;
        for other in [None, Some(refused), Some(r#"{"reason":"expired"}"#)] {
            assert!(!Record::read(other).is_dropped(), "{other:?}");
        }
    }

    #[test]
    fn a_receipt_names_the_sender_as_the_message_did() {
        let receipt_for = |channel: &str| {
            let body = format!(r#"{{"type":"Text","channel":{{"messageId":"m","to":{{"id":"c"}}{channel}}}}}"#);
            let now = Timestamp::UNIX_EPOCH;
            let envelope =
                Envelope::new("acme".parse().unwrap(), PlatformName::MulticloudCx, now, body.as_bytes()).unwrap();
            let message = envelope.message().unwrap();
            let receipt = Some(RecordedReceipt::final_with(DeliveryStatus::Delivered));
            Record { receipt, ..Record::default() }.receipt_for(&envelope, &message).unwrap().receipt
        };
        let receipt = receipt_for(r#","from":{"id":"no-reply@company.com"}"#);
        let ends = (receipt.from.map(|from| from.id), receipt.to.id);
        assert_eq!((Some("no-reply@company.com".to_owned()), "c".to_owned()), ends);
        assert_eq!(None, receipt_for("").from);
    }
}
