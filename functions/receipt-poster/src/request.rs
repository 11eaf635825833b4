//! The request: one receipt or a batch.

use jiff::Timestamp;
use serde_json::Value;
use shared::api::problem::Problem;
use shared::json::fields::{self, FieldError, Fields, id};
use shared::limits::MAX_AHEAD;
use shared::model::receipt::{DeliveryReceipt, Recipient, ReportedOutcome};
use shared::model::trace_id::TraceId;
use shared::platform::PlatformName;

const MAX_RECEIPTS: usize = 100;

pub(crate) enum Receipts {
    One(StatusReport),
    /// The entries of `receipts`, each validated by itself.
    Batch(Vec<BatchEntry>),
}

pub(crate) struct BatchEntry {
    /// The position in the request, in which `null` counts.
    pub(crate) index: usize,
    pub(crate) report: Result<StatusReport, MalformedReceipt>,
}

/// What the messaging service reports about one message.
pub(crate) enum StatusReport {
    /// Posted to the platform.
    Forward(DeliveryReceipt),
    /// The platform has no such status: nothing is posted.
    AcknowledgeOnly { message_id: String },
}

pub(crate) struct MalformedReceipt {
    /// If it can be read.
    pub(crate) message_id: Option<String>,
    /// Its pointers begin at the root of the request.
    pub(crate) problem: Box<Problem>,
}

impl Receipts {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.has("receipts") {
            return StatusReport::read(fields).map(Self::One);
        }
        let elements = fields.required("receipts", |value| {
            let Value::Array(elements) = value else { return Err(not_a_batch()) };
            let elements: Vec<_> = elements.into_iter().enumerate().filter(|(_, element)| !element.is_null()).collect();
            if (1..=MAX_RECEIPTS).contains(&elements.len()) { Ok(elements) } else { Err(not_a_batch()) }
        });
        let read = |(index, element)| BatchEntry { index, report: read_entry(index, element) };
        Some(Self::Batch(elements?.into_iter().map(read).collect()))
    }
}

fn not_a_batch() -> String {
    format!("must be a list of 1 to {MAX_RECEIPTS} receipts")
}

/// Reads one entry of a batch. The others are posted even if this one is malformed.
fn read_entry(index: usize, element: Value) -> Result<StatusReport, MalformedReceipt> {
    let message_id = element.get("messageId").cloned().and_then(|value| id(value).ok());
    fields::read(element, StatusReport::read).map_err(|errors| MalformedReceipt::new(index, message_id, errors))
}

impl Receipts {
    pub(crate) fn with_trace_id(self, trace_id: Option<&TraceId>) -> Self {
        self.map(|receipt| StatusReport::Forward(DeliveryReceipt { trace_id: trace_id.cloned(), ..receipt }))
    }

    /// With the statuses that the platform has.
    ///
    /// # Errors
    /// The only receipt has a field that the platform does not support. In a batch, such a receipt is malformed.
    pub(crate) fn for_platform(self, platform: PlatformName) -> Result<Self, Problem> {
        let with_status = |receipt: DeliveryReceipt| match platform.receipt_status(receipt.status) {
            Some(status) => StatusReport::Forward(DeliveryReceipt { status, ..receipt }),
            None => StatusReport::AcknowledgeOnly { message_id: receipt.message_id },
        };
        Ok(match self.map(with_status) {
            Self::One(report) => match report.unsupported_field(platform) {
                Some(error) => return Err(Problem::invalid_body(vec![error])),
                None => Self::One(report),
            },
            Self::Batch(entries) => {
                Self::Batch(entries.into_iter().map(|entry| entry.for_platform(platform)).collect())
            }
        })
    }

    fn map(self, change: impl Fn(DeliveryReceipt) -> StatusReport) -> Self {
        let change = |report| match report {
            StatusReport::Forward(receipt) => change(receipt),
            acknowledged @ StatusReport::AcknowledgeOnly { .. } => acknowledged,
        };
        match self {
            Self::One(report) => Self::One(change(report)),
            Self::Batch(elements) => {
                let change = |element: BatchEntry| BatchEntry { report: element.report.map(&change), ..element };
                Self::Batch(elements.into_iter().map(change).collect())
            }
        }
    }
}

impl BatchEntry {
    fn for_platform(self, platform: PlatformName) -> Self {
        let Self { index, report } = self;
        let report = report.and_then(|report| match report.unsupported_field(platform) {
            None => Ok(report),
            Some(error) => Err(MalformedReceipt::new(index, Some(report.message_id().to_owned()), vec![error])),
        });
        Self { index, report }
    }
}

impl MalformedReceipt {
    fn new(index: usize, message_id: Option<String>, errors: Vec<FieldError>) -> Self {
        let in_request =
            |error: FieldError| FieldError { pointer: format!("/receipts/{index}{}", error.pointer), ..error };
        let errors = errors.into_iter().map(in_request).collect();
        Self { message_id, problem: Box::new(Problem::invalid_body(errors)) }
    }
}

impl StatusReport {
    /// A field that would be lost.
    fn unsupported_field(&self, platform: PlatformName) -> Option<FieldError> {
        match self {
            Self::Forward(DeliveryReceipt { email_message_id: Some(_), .. }) if !platform.supports_email_receipts() => {
                Some(FieldError::new("/emailMessageId", "is not supported by this platform"))
            }
            _ => None,
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let message_id = fields.required("messageId", id);
        let from = fields.optional_value_or_object("from", Recipient::from_id, Recipient::read);
        let to = fields.object("to", Recipient::read);
        let outcome = ReportedOutcome::read(fields);
        let time = fields.optional("time", Ok);
        let email_message_id = fields.optional("emailMessageId", id);
        let (message_id, to, ReportedOutcome { status, reasons, is_final }) = (message_id?, to?, outcome?);
        let now = Timestamp::now();
        let time = time.and_then(|time| readable_time(time, now)).unwrap_or(now);
        Some(Self::Forward(DeliveryReceipt {
            message_id,
            from,
            to,
            status,
            reasons,
            time,
            is_final,
            email_message_id,
            trace_id: None,
        }))
    }

    pub(crate) fn message_id(&self) -> &str {
        match self {
            Self::Forward(receipt) => &receipt.message_id,
            Self::AcknowledgeOnly { message_id } => message_id,
        }
    }
}

/// A receipt's time. A provider's time format, or the minimum of its time type in place of no time, must not make a failure
/// report invalid.
fn readable_time(value: Value, now: Timestamp) -> Option<Timestamp> {
    let time: Timestamp = value.as_str()?.trim().parse().ok()?;
    (time > Timestamp::UNIX_EPOCH && time.duration_since(now) <= MAX_AHEAD).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::model::message::IdType;
    use shared::model::receipt::DeliveryStatus;

    fn read(body: Value) -> Result<Receipts, Vec<String>> {
        fields::read(body, Receipts::read).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn one(status: &str) -> DeliveryReceipt {
        match read(json!({"messageId": "m", "to": {"id": "c"}, "status": status})) {
            Ok(Receipts::One(StatusReport::Forward(receipt))) => receipt,
            _ => panic!("{status}"),
        }
    }

    #[test]
    fn a_status_is_forwarded_if_the_platform_has_it() {
        use DeliveryStatus::{Delivered, Failed, Pending, Read, Removed};
        for (platform, forwarded) in [
            (PlatformName::GenesysCloud, [None, Some(Delivered), Some(Delivered), Some(Failed), None]),
            (PlatformName::MulticloudCx, [None, Some(Delivered), Some(Delivered), Some(Failed), Some(Removed)]),
            (PlatformName::HighLevel, [Some(Pending), Some(Delivered), Some(Read), Some(Failed), None]),
        ] {
            for (word, expected) in ["pending", "delivered", "read", "failed", "removed"].into_iter().zip(forwarded) {
                let receipts = Receipts::One(StatusReport::Forward(one(word))).for_platform(platform);
                let status = match receipts.unwrap_or_else(|problem| panic!("{problem:?}")) {
                    Receipts::One(StatusReport::Forward(receipt)) => Some(receipt.status),
                    _ => None,
                };
                assert_eq!(expected, status, "{platform:?} {word}");
            }
        }
    }

    #[test]
    fn the_id_of_an_email_is_refused_by_name_on_a_platform_without_it_and_in_a_batch_only_for_its_receipt() {
        let email = json!({"messageId": "m", "emailMessageId": "e", "to": {"id": "c"}, "status": "delivered"});
        let with =
            |body: Value, platform| read(body).unwrap_or_else(|errors| panic!("{errors:?}")).for_platform(platform);
        assert!(with(email.clone(), PlatformName::HighLevel).is_ok());
        for platform in [PlatformName::GenesysCloud, PlatformName::MulticloudCx] {
            let problem = with(email.clone(), platform).err();
            assert_eq!(
                Some("/emailMessageId is not supported by this platform."),
                problem.as_ref().map(Problem::detail).as_deref()
            );
            let plain = json!({"messageId": "n", "to": {"id": "c"}, "status": "delivered"});
            let Ok(Receipts::Batch(entries)) = with(json!({"receipts": [plain, email]}), platform) else { panic!() };
            let errors: Vec<_> = entries
                .into_iter()
                .map(|entry| entry.report.err().map(|malformed| malformed.problem.errors[0].pointer.clone()))
                .collect();
            assert_eq!(vec![None, Some("/receipts/1/emailMessageId".to_owned())], errors);
        }
    }

    #[test]
    fn the_sender_of_the_message_may_be_a_string_or_an_object() {
        let sender = |from: Value| -> Result<_, Vec<String>> {
            let body = json!({"messageId": "m", "from": from, "to": {"id": "c"}, "status": "delivered"});
            match read(body)? {
                Receipts::One(StatusReport::Forward(receipt)) => Ok(receipt.from),
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
    fn an_implausible_time_of_a_receipt_is_replaced_by_the_current_time() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let time = |time: Value| readable_time(time, now).map(|time| time.to_string());
        for good in ["2026-01-02T03:04:05.678Z", "2025-12-02T03:04:05Z", "2026-01-03T03:04:05Z"] {
            assert_eq!(Some(good.to_owned()), time(json!(good)));
        }
        assert_eq!(Some("2026-01-01T22:04:05Z".to_owned()), time(json!(" 2026-01-02T00:04:05+02:00 ")));
        for odd in [
            json!("Fri, 02 Jan 2026 03:04:05 +0000"),
            json!("2026-01-02 03:04:05"),
            json!("yesterday"),
            json!("1767323045"),
            json!(1_767_323_045),
            json!(1_767_323_045.5),
            json!({"seconds": 1_767_323_045}),
            json!("0001-01-01T00:00:00Z"),
            json!("1970-01-01T00:00:00Z"),
            json!("2026-01-03T03:04:06Z"),
            json!("9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(None, time(odd.clone()), "{odd}");
        }
        let before = Timestamp::now();
        for time in [json!("yesterday"), json!(null), json!(7)] {
            let body = json!({"messageId": "m", "to": {"id": "c"}, "status": "failed", "time": time});
            let Ok(Receipts::One(StatusReport::Forward(receipt))) = read(body) else { panic!("{time}") };
            assert!((before..=Timestamp::now()).contains(&receipt.time), "{time}");
        }
    }

    fn batch_of(receipts: Value) -> Vec<BatchEntry> {
        match read(json!({ "receipts": receipts })) {
            Ok(Receipts::Batch(elements)) => elements,
            Ok(Receipts::One(_)) => panic!("a batch"),
            Err(errors) => panic!("{errors:?}"),
        }
    }

    #[test]
    fn each_receipt_of_a_batch_is_validated_by_itself_and_its_errors_have_the_pointers_of_the_request() {
        let good = json!({"messageId": "m", "to": {"id": "c"}, "status": "failed", "reasons": [{"code": 30003}]});
        let elements = batch_of(json!([
            good,
            {"to": {"id": "c", "idType": "Pigeon"}, "status": "lost", "colour": 1},
            null,
            "m",
            {"messageId": "m-4", "to": {}, "status": "failed", "reasons": [{"code": 1}], "time": "yesterday"},
            {"messageId": 5, "to": {"id": "c"}, "status": "read"},
            good,
        ]));
        let outcomes: Vec<_> = elements
            .into_iter()
            .map(|BatchEntry { index, report }| match report {
                Ok(report) => (index, Some(report.message_id().to_owned()), Vec::new()),
                Err(malformed) => {
                    let places = malformed.problem.errors.into_iter().map(|error| error.pointer).collect();
                    (index, malformed.message_id, places)
                }
            })
            .collect();
        let of = |index: usize, message_id: Option<&str>, places: &[&str]| {
            (index, message_id.map(str::to_owned), places.iter().map(|place| (*place).to_owned()).collect::<Vec<_>>())
        };
        let second = ["/receipts/1/messageId", "/receipts/1/to/idType", "/receipts/1/status", "/receipts/1/colour"];
        let expected = vec![
            of(0, Some("m"), &[]),
            of(1, None, &second),
            of(3, None, &["/receipts/3"]),
            of(4, Some("m-4"), &["/receipts/4/to/id"]),
            of(5, None, &["/receipts/5/messageId"]),
            of(6, Some("m"), &[]),
        ];
        assert_eq!(expected, outcomes);
    }

    #[test]
    fn a_batch_has_one_to_a_hundred_receipts_without_those_that_are_null() {
        let batch = |count| {
            read(json!({"receipts": vec![json!({"messageId": "m", "to": {"id": "c"}, "status": "sent"}); count]}))
        };
        assert!(batch(1).is_ok() && batch(100).is_ok());
        let refused = Some(vec!["/receipts must be a list of 1 to 100 receipts".to_owned()]);
        for count in [0, 101] {
            assert_eq!(refused, batch(count).err());
        }
        let receipt = json!({"messageId": "m", "to": {"id": "c"}, "status": "sent"});
        let with_nulls = [vec![Value::Null], vec![receipt; 100], vec![Value::Null]].concat();
        let indices: Vec<_> = batch_of(json!(with_nulls)).into_iter().map(|entry| entry.index).collect();
        assert_eq!((1..=100).collect::<Vec<_>>(), indices);
        for other in [json!({"messageId": "m"}), json!("m"), json!(7), json!(true), json!([null])] {
            assert_eq!(refused, read(json!({ "receipts": other })).err());
        }
    }
}
