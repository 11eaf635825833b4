//! What a messaging service sends: one receipt or up to a hundred, in its own words.

use jiff::Timestamp;
use serde_json::Value;
use shared::fields::{Fields, boolean, parsed, text};
use shared::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, NOT_DELIVERED, ReasonCode, Recipient};

/// How many receipts one request may hold.
const MAXIMUM_RECEIPTS: usize = 100;

/// One request.
pub(crate) enum Receipts {
    /// One receipt, as the body itself.
    One(Report),
    /// A list of them in `receipts`.
    Batch(Vec<Report>),
}

/// What a messaging service says of one message.
pub(crate) enum Report {
    /// It is final, and the platform hears of it.
    Final(DeliveryReceipt),
    /// It is on its way. The platform takes no such receipt, so it is acknowledged and nothing more.
    Underway {
        /// The message.
        message_id: String,
    },
}

/// What a messaging service's word for a status means.
enum Meaning {
    Underway,
    Delivered,
    Failed(ReasonCode),
}

impl Receipts {
    /// Reads a request.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.has("receipts") {
            return Report::read(fields).map(Self::One);
        }
        let reports = fields.objects("receipts", Report::read)?;
        if !(1..=MAXIMUM_RECEIPTS).contains(&reports.len()) {
            fields.fault("receipts", &format!("must have 1 to {MAXIMUM_RECEIPTS} elements"));
        }
        Some(Self::Batch(reports))
    }
}

impl Report {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let message_id = fields.required("messageId", text);
        let to = fields.object("to", Recipient::read);
        let meaning = fields.required("status", meaning);
        let reasons = fields.objects("reasons", reason);
        let is_final = fields.optional("isFinalReceipt", boolean).unwrap_or(true);
        let time = fields.optional("time", parsed::<Timestamp>("a time by RFC 3339, such as 2026-01-02T03:04:05Z"));
        let (message_id, to, meaning, mut reasons) = (message_id?, to?, meaning?, reasons?);
        let status = match meaning {
            Meaning::Underway => return Some(Self::Underway { message_id }),
            Meaning::Delivered if reasons.is_empty() => DeliveryStatus::Delivered,
            Meaning::Delivered => {
                fields.fault("reasons", "belong to failures only");
                return None;
            }
            Meaning::Failed(code) => {
                if reasons.is_empty() {
                    reasons.push(FailureReason { code, message: NOT_DELIVERED.to_owned() });
                }
                DeliveryStatus::Failed
            }
        };
        let time = time.unwrap_or_else(Timestamp::now);
        Some(Self::Final(DeliveryReceipt { message_id, to, status, reasons, time, is_final }))
    }

    /// The message that it speaks of.
    pub(crate) fn message_id(&self) -> &str {
        match self {
            Self::Final(receipt) => &receipt.message_id,
            Self::Underway { message_id } => message_id,
        }
    }
}

/// The words that messaging services use, in any case.
fn meaning(value: Value) -> Result<Meaning, String> {
    Ok(match text(value)?.to_ascii_lowercase().as_str() {
        "delivered" | "read" | "seen" | "displayed" => Meaning::Delivered,
        "accepted" | "queued" | "pending" | "submitted" | "sending" | "sent" | "enroute" | "buffered" => {
            Meaning::Underway
        }
        "failed" | "undelivered" | "undeliverable" | "error" => Meaning::Failed(ReasonCode::GeneralError),
        "expired" => Meaning::Failed(ReasonCode::MessageExpired),
        "rejected" | "blocked" => Meaning::Failed(ReasonCode::MessageNotAllowed),
        "bounced" | "unknown-recipient" => Meaning::Failed(ReasonCode::InvalidDestination),
        _ => {
            return Err(
                "must be one of accepted, queued, pending, submitted, sending, sent, enroute, buffered, delivered, \
                        read, seen, displayed, failed, undelivered, undeliverable, error, expired, rejected, blocked, \
                        bounced, unknown-recipient"
                    .to_owned(),
            );
        }
    })
}

fn reason(fields: &mut Fields<'_>) -> Option<FailureReason> {
    let code = fields.required("code", code);
    let message = fields.optional("message", text);
    Some(FailureReason { code: code?, message: message.unwrap_or_else(|| NOT_DELIVERED.to_owned()) })
}

/// A code by its name or by its number, which may be written as a text.
fn code(value: Value) -> Result<ReasonCode, String> {
    let known = match &value {
        Value::String(name) => ReasonCode::from_name(name).or_else(|| ReasonCode::from_number(name.parse().ok()?)),
        number => number.as_u64().and_then(ReasonCode::from_number),
    };
    known.ok_or_else(|| "is not a reason code, by name (GeneralError) or by number (500)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Result<Receipts, Vec<String>> {
        shared::fields::read(body, Receipts::read).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn one(status: &str) -> Option<DeliveryReceipt> {
        match read(json!({"messageId": "m", "to": {"id": "c"}, "status": status})) {
            Ok(Receipts::One(Report::Final(receipt))) => Some(receipt),
            Ok(Receipts::One(Report::Underway { .. })) => None,
            _ => panic!("{status}"),
        }
    }

    #[test]
    fn the_words_of_messaging_services_are_understood() {
        for word in ["delivered", "Read", "SEEN", "displayed"] {
            assert_eq!(DeliveryStatus::Delivered, one(word).unwrap().status, "{word}");
        }
        for word in ["sent", "Queued", "accepted", "pending", "submitted", "sending", "enroute", "buffered"] {
            assert_eq!(None, one(word), "{word}");
        }
        for (word, code) in [
            ("failed", ReasonCode::GeneralError),
            ("UNDELIVERED", ReasonCode::GeneralError),
            ("expired", ReasonCode::MessageExpired),
            ("rejected", ReasonCode::MessageNotAllowed),
            ("bounced", ReasonCode::InvalidDestination),
        ] {
            let receipt = one(word).unwrap();
            assert_eq!((DeliveryStatus::Failed, &code), (receipt.status, &receipt.reasons[0].code), "{word}");
        }
    }

    #[test]
    fn reasons_have_codes_by_name_or_by_number() {
        for code in [json!(530), json!("530"), json!("InvalidDestination")] {
            let body = json!({"messageId": "m", "to": {"id": "c"}, "status": "failed", "reasons": [{"code": code}]});
            let Ok(Receipts::One(Report::Final(receipt))) = read(body) else { panic!() };
            assert_eq!(ReasonCode::InvalidDestination, receipt.reasons[0].code);
        }
    }

    #[test]
    fn all_faults_of_a_batch_are_reported_at_their_places() {
        let body = json!({"receipts": [
            {"messageId": "m", "to": {"id": "c"}, "status": "delivered"},
            {"to": {"id": "c", "idType": "Pigeon"}, "status": "lost", "colour": 1},
            {"messageId": "m", "to": {}, "status": "failed", "reasons": [{"code": 1}], "time": "yesterday"},
        ]});
        let places: Vec<_> =
            read(body).err().unwrap().iter().map(|fault| fault.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(
            vec![
                "/receipts/1/messageId",
                "/receipts/1/to/idType",
                "/receipts/1/status",
                "/receipts/1/colour",
                "/receipts/2/to/id",
                "/receipts/2/reasons/0/code",
                "/receipts/2/time",
            ],
            places
        );
    }

    #[test]
    fn a_batch_has_one_to_a_hundred_receipts() {
        let batch = |count| {
            read(json!({"receipts": vec![json!({"messageId": "m", "to": {"id": "c"}, "status": "sent"}); count]}))
        };
        assert!(batch(1).is_ok() && batch(100).is_ok());
        for count in [0, 101] {
            assert_eq!(Some(vec!["/receipts must have 1 to 100 elements".to_owned()]), batch(count).err());
        }
    }
}
