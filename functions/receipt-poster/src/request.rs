//! What a messaging service sends: one receipt or up to a hundred, in its own words.

use jiff::Timestamp;
use serde_json::Value;
use shared::fields::{Fields, boolean, id, parsed, text, whole};
use shared::platform::PlatformName;
use shared::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, NOT_DELIVERED, ReasonCode, Recipient};
use shared::trace::TraceId;

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
    /// The platform hears of it.
    Told(DeliveryReceipt),
    /// The platform has no word for it, so that it is acknowledged and nothing more.
    Untold {
        /// The message.
        message_id: String,
    },
}

/// What a messaging service's word for a status means.
enum Meaning {
    Passed(DeliveryStatus),
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

impl Receipts {
    /// The same as part of what the caller is doing.
    pub(crate) fn traced(self, trace_id: Option<&TraceId>) -> Self {
        self.map(|receipt| Report::Told(DeliveryReceipt { trace_id: trace_id.cloned(), ..receipt }))
    }

    /// The same as the platform has words for it.
    pub(crate) fn told_to(self, platform: PlatformName) -> Self {
        self.map(|receipt| match platform.receipt_status(receipt.status) {
            Some(status) => Report::Told(DeliveryReceipt { status, ..receipt }),
            None => Report::Untold { message_id: receipt.message_id },
        })
    }

    fn map(self, change: impl Fn(DeliveryReceipt) -> Report) -> Self {
        let change = |report| match report {
            Report::Told(receipt) => change(receipt),
            untold @ Report::Untold { .. } => untold,
        };
        match self {
            Self::One(report) => Self::One(change(report)),
            Self::Batch(reports) => Self::Batch(reports.into_iter().map(change).collect()),
        }
    }
}

impl Report {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let message_id = fields.required("messageId", id);
        let from = fields.optional_value_or_object("from", Recipient::of_id, Recipient::read);
        let to = fields.object("to", Recipient::read);
        let meaning = fields.required("status", meaning);
        let reasons = fields.objects("reasons", reason);
        let is_final = fields.optional("isFinalReceipt", boolean).unwrap_or(true);
        let time = fields.optional("time", parsed::<Timestamp>("a time by RFC 3339, such as 2026-01-02T03:04:05Z"));
        let (message_id, to, meaning, mut reasons) = (message_id?, to?, meaning?, reasons?);
        let status = match meaning {
            Meaning::Passed(status) if reasons.is_empty() => status,
            Meaning::Passed(_) => {
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
        Some(Self::Told(DeliveryReceipt { message_id, from, to, status, reasons, time, is_final, trace_id: None }))
    }

    /// The message that it speaks of.
    pub(crate) fn message_id(&self) -> &str {
        match self {
            Self::Told(receipt) => &receipt.message_id,
            Self::Untold { message_id } => message_id,
        }
    }
}

/// The words that messaging services use, in any case.
fn meaning(value: Value) -> Result<Meaning, String> {
    Ok(match text(value)?.to_ascii_lowercase().as_str() {
        "delivered" => Meaning::Passed(DeliveryStatus::Delivered),
        "read" | "seen" | "displayed" => Meaning::Passed(DeliveryStatus::Read),
        "removed" | "deleted" => Meaning::Passed(DeliveryStatus::Removed),
        "accepted" | "queued" | "pending" | "submitted" | "sending" | "sent" | "enroute" | "buffered" => {
            Meaning::Passed(DeliveryStatus::Pending)
        }
        "failed" | "undelivered" | "undeliverable" | "error" => Meaning::Failed(ReasonCode::GeneralError),
        "expired" => Meaning::Failed(ReasonCode::MessageExpired),
        "rejected" | "blocked" => Meaning::Failed(ReasonCode::MessageNotAllowed),
        "bounced" | "unknown-recipient" => Meaning::Failed(ReasonCode::InvalidDestination),
        _ => {
            return Err(
                "must be one of accepted, queued, pending, submitted, sending, sent, enroute, buffered, delivered, \
                        read, seen, displayed, removed, deleted, failed, undelivered, undeliverable, error, expired, rejected, blocked, \
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
        number => whole(number).and_then(ReasonCode::from_number),
    };
    known.ok_or_else(|| "is not a reason code, by name (GeneralError) or by number (500)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::message::IdType;

    fn read(body: Value) -> Result<Receipts, Vec<String>> {
        shared::fields::read(body, Receipts::read).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn one(status: &str) -> DeliveryReceipt {
        match read(json!({"messageId": "m", "to": {"id": "c"}, "status": status})) {
            Ok(Receipts::One(Report::Told(receipt))) => receipt,
            _ => panic!("{status}"),
        }
    }

    #[test]
    fn the_words_of_messaging_services_are_understood() {
        for (status, words) in [
            (DeliveryStatus::Delivered, ["delivered", "DELIVERED"].as_slice()),
            (DeliveryStatus::Read, &["Read", "SEEN", "displayed"]),
            (DeliveryStatus::Removed, &["removed", "deleted"]),
            (
                DeliveryStatus::Pending,
                &["sent", "Queued", "accepted", "pending", "submitted", "sending", "enroute", "buffered"],
            ),
        ] {
            for word in words {
                assert_eq!(status, one(word).status, "{word}");
            }
        }
        for (word, code) in [
            ("failed", ReasonCode::GeneralError),
            ("UNDELIVERED", ReasonCode::GeneralError),
            ("expired", ReasonCode::MessageExpired),
            ("rejected", ReasonCode::MessageNotAllowed),
            ("bounced", ReasonCode::InvalidDestination),
        ] {
            let receipt = one(word);
            assert_eq!((DeliveryStatus::Failed, &code), (receipt.status, &receipt.reasons[0].code), "{word}");
        }
    }

    #[test]
    fn a_platform_is_told_what_it_has_a_word_for() {
        use DeliveryStatus::{Delivered, Failed, Pending, Read, Removed};
        for (platform, told) in [
            (PlatformName::GenesysCloud, [None, Some(Delivered), Some(Delivered), Some(Failed), None]),
            (PlatformName::MulticloudCx, [None, Some(Delivered), Some(Delivered), Some(Failed), Some(Removed)]),
            (PlatformName::HighLevel, [Some(Pending), Some(Delivered), Some(Read), Some(Failed), None]),
        ] {
            for (word, expected) in ["pending", "delivered", "read", "failed", "removed"].into_iter().zip(told) {
                let receipts = Receipts::One(Report::Told(one(word))).told_to(platform);
                let status = match receipts {
                    Receipts::One(Report::Told(receipt)) => Some(receipt.status),
                    _ => None,
                };
                assert_eq!(expected, status, "{platform:?} {word}");
            }
        }
    }

    #[test]
    fn reasons_have_codes_by_name_or_by_number() {
        for code in [json!(530), json!(530.0), json!("530"), json!("InvalidDestination")] {
            let body = json!({"messageId": "m", "to": {"id": "c"}, "status": "failed", "reasons": [{"code": code}]});
            let Ok(Receipts::One(Report::Told(receipt))) = read(body) else { panic!() };
            assert_eq!(ReasonCode::InvalidDestination, receipt.reasons[0].code);
        }
    }

    #[test]
    fn the_messages_sender_may_be_named_as_a_text_or_as_an_object() {
        let sender = |from: Value| -> Result<_, Vec<String>> {
            let body = json!({"messageId": "m", "from": from, "to": {"id": "c"}, "status": "delivered"});
            match read(body)? {
                Receipts::One(Report::Told(receipt)) => Ok(receipt.from),
                _ => panic!(),
            }
        };
        let expected = |id_type| Ok(Some(Recipient { id: "no-reply@company.com".to_owned(), id_type }));
        assert_eq!(expected(None), sender(json!("no-reply@company.com")));
        let named = sender(json!({"id": "no-reply@company.com", "idType": "Email"}));
        assert_eq!(expected(Some(IdType::Email)), named);
        assert!(sender(json!({})).unwrap_err()[0].starts_with("/from/id "));
        assert_eq!(Ok(None), sender(json!("")));
        assert_eq!(None, one("delivered").from);
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
