//! What the ledger stores of a completed delivery: how it ended, and the receipt that is due. No address, no text.

use crate::delivery::envelope::{Envelope, ReceiptEnvelope};
use crate::model::message::{Email, IdType, Message, MessageKind, Party};
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, Recipient};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The reason of what was permanently refused.
pub const REFUSED: &str = "refused";
/// The reason of what an endpoint that asks to be removed refused.
pub const GONE: &str = "gone";
/// The reason of what a channel has no form for.
pub const UNSUPPORTED: &str = "unsupported";
/// The reason of what a channel may have sent.
pub const OUTCOME_UNKNOWN: &str = "outcome-unknown";
/// The reason of what was not accepted within `giveUpAfterSeconds`.
pub const EXPIRED: &str = "expired";
/// The reason of what was parked because its integration was removed.
pub const ORPHANED: &str = "orphaned";
/// The reasons of messages to customers that are kept.
pub const KEPT: [&str; 6] = [REFUSED, GONE, UNSUPPORTED, OUTCOME_UNKNOWN, EXPIRED, ORPHANED];
/// The reason of a typing event that could not be delivered at the first attempt.
pub const DROPPED: &str = "dropped";
/// The reason of the text trace of a card, which the customer gets as a card.
const TEXT_TRACE: &str = "text trace";

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Why the message failed or was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status with which the messaging service refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why the last attempt failed, if the message was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<RecordedReceipt>,
}

/// A receipt, without the fields that are in the message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedReceipt {
    pub status: DeliveryStatus,
    /// Only the codes are stored: the texts are the messaging service's, and may name the customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "codes")]
    pub reasons: Vec<FailureReason>,
    /// Whether this is the last receipt for the message. Stored only if it is not.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub is_final: bool,
}

impl RecordedReceipt {
    /// The last receipt for its message, without reasons.
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

impl DeliveryRecord {
    /// The record of the text trace of a card.
    #[must_use]
    pub fn text_trace() -> Self {
        Self { reason: Some(TEXT_TRACE.to_owned()), ..Self::default() }
    }

    /// Whether the message was dropped on purpose: it is of no use to the customer.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        matches!(self.reason.as_deref(), Some(DROPPED | TEXT_TRACE))
    }

    /// Parses what the ledger stored.
    #[must_use]
    pub fn from_stored(json: Option<&str>) -> Self {
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// The JSON that the ledger stores; none for an empty record.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }

    /// The receipt that is due for `message`; none if the platform did not name the customer.
    #[must_use]
    pub fn due_receipt(&self, envelope: &Envelope, message: &Message) -> Option<ReceiptEnvelope> {
        let due = self.receipt.as_ref()?;
        let now = Timestamp::now();
        let email = match &message.kind {
            MessageKind::Email(email) if email.email_message_id.is_some() => Some(email),
            _ => None,
        };
        let customer = message.to.as_ref()?;
        Some(ReceiptEnvelope {
            integration: envelope.integration.clone(),
            received_at: now,
            receipt: DeliveryReceipt {
                message_id: message.message_id.clone(),
                from: message.from.as_ref().and_then(recipient_of),
                to: email.and_then(|email| only_recipient(email, customer)).or_else(|| recipient_of(customer))?,
                status: due.status,
                reasons: due.reasons.clone(),
                time: now,
                is_final: due.is_final,
                email_message_id: email.and_then(|email| email.email_message_id.clone()),
                trace_id: envelope.trace_id.clone(),
            },
            provider: None,
        })
    }
}

/// A party of the message in the form of a receipt; none if the platform did not name it.
fn recipient_of(party: &Party) -> Option<Recipient> {
    Some(Recipient { id: party.id.clone()?, id_type: party.id_type.clone() })
}

/// The customer by address, if the email has no other recipient. Otherwise, the receipt is about the whole email.
fn only_recipient(email: &Email, customer: &Party) -> Option<Recipient> {
    let address = customer.email.clone().filter(|_| email.recipients.len() < 2)?;
    Some(Recipient { id: address, id_type: Some(IdType::Email) })
}

/// Reasons, serialized as their codes.
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
    fn the_ledger_stores_reason_codes_and_not_the_messaging_services_texts() {
        let reasons = vec![FailureReason { code: ReasonCode::InvalidDestination, message: "+49 170".to_owned() }];
        let receipt = Some(RecordedReceipt { reasons, ..RecordedReceipt::final_with(DeliveryStatus::Failed) });
        let json = DeliveryRecord { receipt, ..DeliveryRecord::default() }.to_stored().unwrap();
        assert_eq!(r#"{"receipt":{"status":"Failed","reasons":["InvalidDestination"]}}"#, json);
        let read = DeliveryRecord::from_stored(Some(&json)).receipt.unwrap();
        assert_eq!((ReasonCode::InvalidDestination, true), (read.reasons[0].code.clone(), read.is_final));
    }

    #[test]
    fn a_receipt_that_is_not_the_last_one_is_recorded_as_such() {
        let receipt = RecordedReceipt { is_final: false, ..RecordedReceipt::final_with(DeliveryStatus::Delivered) };
        let json = DeliveryRecord { receipt: Some(receipt), ..DeliveryRecord::default() }.to_stored().unwrap();
        assert_eq!(r#"{"receipt":{"status":"Delivered","isFinal":false}}"#, json);
        assert!(!DeliveryRecord::from_stored(Some(&json)).receipt.unwrap().is_final);
    }

    #[test]
    fn a_text_trace_is_recorded_as_dropped_in_the_form_that_every_version_parses() {
        let json = DeliveryRecord::text_trace().to_stored().unwrap();
        assert_eq!(r#"{"reason":"text trace"}"#, json);
        assert!(DeliveryRecord::from_stored(Some(&json)).is_dropped());
        let refused = r#"{"reason":"refused","status":404}"#;
        for other in [None, Some(refused), Some(r#"{"reason":"expired"}"#)] {
            assert!(!DeliveryRecord::from_stored(other).is_dropped(), "{other:?}");
        }
    }

    #[test]
    fn a_failure_has_its_time_and_the_previous_version_reads_its_other_fields() {
        #[derive(Deserialize)]
        struct Previous {
            reason: Option<String>,
            status: Option<u16>,
        }
        let (at, error) = (Some(Timestamp::UNIX_EPOCH), Some("status 503".to_owned()));
        let expired = DeliveryRecord { reason: Some("expired".to_owned()), at, error, ..DeliveryRecord::default() };
        let json = expired.to_stored().unwrap();
        assert_eq!(r#"{"reason":"expired","at":"1970-01-01T00:00:00Z","error":"status 503"}"#, json);
        assert_eq!(expired, DeliveryRecord::from_stored(Some(&json)));
        let previous: Previous = serde_json::from_str(&json).unwrap();
        assert_eq!((Some("expired"), None), (previous.reason.as_deref(), previous.status));
        let without = DeliveryRecord::from_stored(Some(r#"{"reason":"expired"}"#));
        assert_eq!((None, None), (without.at, without.error));
    }

    #[test]
    fn a_receipt_names_the_sender_as_the_message_did() {
        let due_receipt = |channel: &str| {
            let body = format!(r#"{{"type":"Text","channel":{{"messageId":"m","to":{{"id":"c"}}{channel}}}}}"#);
            due_receipt(PlatformName::MulticloudCx, &body)
        };
        let receipt = due_receipt(r#","from":{"id":"no-reply@company.com"}"#);
        let ends = (receipt.from.map(|from| from.id), receipt.to.id);
        assert_eq!((Some("no-reply@company.com".to_owned()), "c".to_owned()), ends);
        assert_eq!(None, due_receipt("").from);
    }

    fn due_receipt(platform: PlatformName, body: &str) -> DeliveryReceipt {
        let integration = "acme".parse().unwrap();
        let envelope = Envelope::new(integration, platform, Timestamp::UNIX_EPOCH, body.as_bytes()).unwrap();
        let message = envelope.message().unwrap();
        let receipt = Some(RecordedReceipt::final_with(DeliveryStatus::Delivered));
        DeliveryRecord { receipt, ..DeliveryRecord::default() }.due_receipt(&envelope, &message).unwrap().receipt
    }

    #[test]
    fn a_receipt_of_an_email_names_the_email_and_its_only_recipient() {
        let email = |to: &str| {
            let body = format!(
                r#"{{"type":"Email","locationId":"l","contactId":"k","messageId":"m","emailMessageId":"e","html":"<p>","emailTo":{to}}}"#
            );
            let DeliveryReceipt { to, email_message_id, .. } = due_receipt(PlatformName::HighLevel, &body);
            assert_eq!(Some("e"), email_message_id.as_deref());
            (to.id, to.id_type)
        };
        let ada = ("ada@example.com".to_owned(), Some(IdType::Email));
        assert_eq!(ada, email(r#""Ada <ada@example.com>""#));
        let contact = ("k".to_owned(), Some(IdType::Opaque));
        assert_eq!(contact, email(r#"["ada@example.com", "bob@example.com"]"#), "it is about all recipients");
    }
}
