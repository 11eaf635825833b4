//! Reads a receipt of a messaging service: from the receipts route, or from its response to a delivery.
//!
//! The status must be one of the known words: an unknown one never counts as success. Reasons often come from a provider
//! through a gateway in whatever form. They are read leniently, because a receipt that is rejected for its reasons would
//! hide the failure itself from the agent. The same is true of `isFinalReceipt`.

use super::{DEFAULT_FAILURE_MESSAGE, DeliveryStatus, FailureReason, ReasonCode};
use crate::json::fields::{FieldError, Fields, as_whole_number, is_blank, one_of};
use crate::limits::truncate;
use serde_json::Value;

/// Maximum number of reasons that are passed on. All of them go into one message on the queue.
const MAX_REASONS: usize = 10;
const MAX_MESSAGE_CHARACTERS: usize = 1_000;
/// Maximum length of a provider's code.
const MAX_CODE_CHARACTERS: usize = 64;
/// Maximum length of an unknown status that is logged.
const MAX_QUOTED_STATUS: usize = 32;

/// The meaning of a status word.
#[derive(Debug, Clone)]
enum StatusMeaning {
    NotFailed(DeliveryStatus),
    /// With the code for a failure without reasons.
    Failed(ReasonCode),
}

/// The words that messaging services use.
static STATUS_WORDS: [(&str, StatusMeaning); 23] = [
    ("delivered", StatusMeaning::NotFailed(DeliveryStatus::Delivered)),
    ("read", StatusMeaning::NotFailed(DeliveryStatus::Read)),
    ("seen", StatusMeaning::NotFailed(DeliveryStatus::Read)),
    ("displayed", StatusMeaning::NotFailed(DeliveryStatus::Read)),
    ("removed", StatusMeaning::NotFailed(DeliveryStatus::Removed)),
    ("deleted", StatusMeaning::NotFailed(DeliveryStatus::Removed)),
    ("failed", StatusMeaning::Failed(ReasonCode::GeneralError)),
    ("undelivered", StatusMeaning::Failed(ReasonCode::GeneralError)),
    ("undeliverable", StatusMeaning::Failed(ReasonCode::GeneralError)),
    ("error", StatusMeaning::Failed(ReasonCode::GeneralError)),
    ("expired", StatusMeaning::Failed(ReasonCode::MessageExpired)),
    ("rejected", StatusMeaning::Failed(ReasonCode::MessageNotAllowed)),
    ("blocked", StatusMeaning::Failed(ReasonCode::MessageNotAllowed)),
    ("bounced", StatusMeaning::Failed(ReasonCode::InvalidDestination)),
    ("unknown-recipient", StatusMeaning::Failed(ReasonCode::InvalidDestination)),
    ("sent", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("queued", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("accepted", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("pending", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("submitted", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("sending", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("enroute", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
    ("buffered", StatusMeaning::NotFailed(DeliveryStatus::Pending)),
];

/// The outcome of a message as reported by a messaging service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedOutcome {
    pub status: DeliveryStatus,
    /// At least one reason for a failure, otherwise none.
    pub reasons: Vec<FailureReason>,
    /// Whether this is the last receipt for the message.
    pub is_final: bool,
}

impl ReportedOutcome {
    /// The known status words. They are case-insensitive.
    pub fn status_words() -> impl Iterator<Item = &'static str> {
        STATUS_WORDS.iter().map(|(word, _)| *word)
    }

    /// Reads `status`, `reasons` and `isFinalReceipt`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let status = fields.optional("status", Ok);
        let reasons = fields.optional("reasons", Ok);
        let is_final = fields.optional("isFinalReceipt", Ok);
        let meaning = status_meaning(status).map_err(|detail| fields.error("status", &detail)).ok()?;
        Some(Self::new(meaning, reasons, is_final))
    }

    /// Like [`Self::read`] for a sender that cannot be asked to correct its request: only the status must be valid, and
    /// unknown members are ignored.
    ///
    /// # Errors
    /// The status is missing or unknown. The error is for the log: it has the status instead of the known words.
    pub fn read_leniently(receipt: &Value) -> Result<Self, FieldError> {
        let Value::Object(members) = receipt else { return Err(FieldError::new("", "must be an object")) };
        let member = |name| members.get(name).filter(|value| !is_blank(value)).cloned();
        let meaning = status_meaning(member("status"))
            .map_err(|_| FieldError::new("/status", unknown_status(member("status").as_ref())))?;
        Ok(Self::new(meaning, member("reasons"), member("isFinalReceipt")))
    }

    fn new(meaning: StatusMeaning, reasons: Option<Value>, is_final: Option<Value>) -> Self {
        let (status, reasons) = match meaning {
            StatusMeaning::NotFailed(status) => (status, Vec::new()),
            StatusMeaning::Failed(code) => (DeliveryStatus::Failed, failure_reasons(reasons, code)),
        };
        Self { status, reasons, is_final: is_final.is_none_or(|value| is_truthy(&value)) }
    }
}

/// The meaning of the status word. The error lists the known words, also if the status is missing.
fn status_meaning(status: Option<Value>) -> Result<StatusMeaning, String> {
    let is_missing = status.is_none();
    one_of(&STATUS_WORDS)(status.unwrap_or_default())
        .map_err(|detail| if is_missing { format!("is required, and {detail}") } else { detail })
}

/// Why a status has no meaning, for the log. It is only quoted if it looks like a status, and not like a text or an address.
fn unknown_status(status: Option<&Value>) -> String {
    let is_part = |part: char| part.is_ascii_alphanumeric() || "-_".contains(part);
    let is_word = |text: &&str| {
        (1..=MAX_QUOTED_STATUS).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(is_part)
    };
    match status.map(|status| status.as_str().map(str::trim).filter(is_word)) {
        None => "is required".to_owned(),
        Some(Some(word)) => format!("is \"{word}\", not one of the words for a status"),
        Some(None) => "is not one of the words for a status".to_owned(),
    }
}

/// Whether the value means true. An unreadable one does not: a later receipt may still change the outcome.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Bool(boolean) => *boolean,
        other => scalar(other).is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true")),
    }
}

/// The reasons for a failure; if none is readable, one with the code of the status.
fn failure_reasons(reasons: Option<Value>, code: ReasonCode) -> Vec<FailureReason> {
    let elements = match reasons {
        Some(Value::Array(elements)) => elements,
        other => other.into_iter().collect(),
    };
    let mut reasons: Vec<_> = elements.iter().filter_map(failure_reason).take(MAX_REASONS).collect();
    if reasons.is_empty() {
        reasons.push(FailureReason { code, message: DEFAULT_FAILURE_MESSAGE.to_owned() });
    }
    reasons
}

/// Reads a reason, usually `{"code", "message"}`. Any other value is a code if it is a known one or a number, otherwise a
/// message.
fn failure_reason(reason: &Value) -> Option<FailureReason> {
    let (code, message) = match reason {
        Value::Object(members) => (members.get("code").and_then(scalar), members.get("message").and_then(scalar)),
        Value::String(text) if known_code(text).is_none() => (None, scalar(reason)),
        other => (scalar(other), None),
    };
    let known = code.as_deref().and_then(known_code);
    let message = match (code, message) {
        (None, None) => return None,
        (Some(code), message) if known.is_none() => {
            with_code(message.as_deref().unwrap_or(DEFAULT_FAILURE_MESSAGE), code)
        }
        (_, message) => message.unwrap_or_else(|| DEFAULT_FAILURE_MESSAGE.to_owned()),
    };
    let message = truncate(message, MAX_MESSAGE_CHARACTERS);
    Some(FailureReason { code: known.unwrap_or(ReasonCode::GeneralError), message })
}

/// A known code, by name or by number.
fn known_code(text: &str) -> Option<ReasonCode> {
    let text = text.trim();
    ReasonCode::from_name(text).or_else(|| ReasonCode::from_number(text.parse().ok()?))
}

/// Appends an unknown code to the message, for the agent and for searches: `Unreachable destination handset (30003)`. Only
/// the message is truncated, never the code.
fn with_code(message: &str, code: String) -> String {
    let code = format!(" ({})", truncate(code, MAX_CODE_CHARACTERS));
    let (message, end) = message.strip_suffix('.').map_or((message, ""), |message| (message, "."));
    let room = MAX_MESSAGE_CHARACTERS - code.chars().count() - end.len();
    truncate(message.to_owned(), room) + &code + end
}

/// A number or a string that is not blank, as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => {
            Some(as_whole_number(value).map_or_else(|| number.to_string(), |number| number.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(receipt: Value) -> ReportedOutcome {
        ReportedOutcome::read_leniently(&receipt).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The codes and messages of a failure with these reasons.
    fn reasons(given: Value) -> Vec<(ReasonCode, String)> {
        let outcome = read(json!({"status": "failed", "reasons": given}));
        outcome.reasons.into_iter().map(|reason| (reason.code, reason.message)).collect()
    }

    fn general(message: &str) -> Vec<(ReasonCode, String)> {
        vec![(ReasonCode::GeneralError, message.to_owned())]
    }

    #[test]
    fn every_word_is_read_in_any_case() {
        use DeliveryStatus::{Delivered, Failed, Pending, Read, Removed};
        let statuses = |status, words: &'static [&'static str]| words.iter().map(move |word| (*word, status));
        let expected = statuses(Delivered, &["delivered"])
            .chain(statuses(Read, &["read", "seen", "displayed"]))
            .chain(statuses(Removed, &["removed", "deleted"]))
            .chain(statuses(Failed, &["failed", "undelivered", "undeliverable", "error", "expired", "rejected"]))
            .chain(statuses(Failed, &["blocked", "bounced", "unknown-recipient"]))
            .chain(statuses(Pending, &["sent", "queued", "accepted", "pending", "submitted", "sending"]))
            .chain(statuses(Pending, &["enroute", "buffered"]));
        let expected: Vec<_> = expected.collect();
        assert!(ReportedOutcome::status_words().eq(expected.iter().map(|(word, _)| *word)));
        for (word, status) in expected {
            for word in [word.to_owned(), word.to_uppercase(), format!(" {word}\n")] {
                assert_eq!(status, read(json!({"status": word})).status, "{word}");
            }
        }
    }

    #[test]
    fn a_status_that_is_missing_or_unknown_is_an_error_that_names_all_words() {
        let odd = [json!("lost"), json!(5), json!(true), json!(["failed"]), json!({"status": "failed"})];
        for status in odd.into_iter().map(Some).chain([None]) {
            let error = status_meaning(status.clone()).unwrap_err();
            for word in ReportedOutcome::status_words() {
                assert!(error.contains(&format!("`{word}`")), "{status:?}: {error}");
            }
            assert!(!error.contains("lost"), "{error}");
        }
    }

    #[test]
    fn the_error_for_the_log_quotes_an_unknown_status_that_is_a_word_instead_of_naming_all_words() {
        let unknown = "is not one of the words for a status";
        let (longest, too_long) = ("x".repeat(32), "x".repeat(33));
        for (receipt, expected) in [
            (json!({}), "is required"),
            (json!({"reasons": [{"code": 530}]}), "is required"),
            (
                json!({"status": " dispatched-to_carrier2 "}),
                "is \"dispatched-to_carrier2\", not one of the words for a status",
            ),
            (json!({"status": longest}), &format!("is \"{longest}\", not one of the words for a status")),
            (json!({"status": too_long}), unknown),
            (json!({"status": "on its way"}), unknown),
            (json!({"status": "491701234567"}), unknown),
            (json!({"status": "a@example.com"}), unknown),
            (json!({"status": "zugestellt-für"}), unknown),
            (json!({"status": 5}), unknown),
            (json!({"status": ["failed"]}), unknown),
        ] {
            let error = ReportedOutcome::read_leniently(&receipt).unwrap_err();
            assert_eq!(("/status", expected), (error.pointer.as_str(), error.detail.as_str()), "{receipt}");
        }
        for other in [json!("failed"), json!(["failed"]), json!(7)] {
            assert_eq!("must be an object", ReportedOutcome::read_leniently(&other).unwrap_err().detail);
        }
    }

    #[test]
    fn a_known_code_is_kept_with_its_message_and_may_be_a_name_or_a_number() {
        for code in [json!(530), json!(530.0), json!("530"), json!("InvalidDestination"), json!(" invaliddestination ")]
        {
            let expected = vec![(ReasonCode::InvalidDestination, "No such number".to_owned())];
            assert_eq!(expected, reasons(json!([{"code": code, "message": "No such number"}])), "{code}");
        }
    }

    #[test]
    fn an_unknown_code_becomes_a_general_error_with_the_code_after_the_message() {
        let message = "Unreachable destination handset";
        for code in [json!(30003), json!(30003.0), json!("30003"), json!(" 30003 ")] {
            let given = json!([{"code": code, "message": message}]);
            assert_eq!(general("Unreachable destination handset (30003)"), reasons(given), "{code}");
        }
        for (reason, expected) in [
            (json!({"code": 131047}), "The message could not be delivered (131047)."),
            (
                json!({"code": "carrier-violation", "message": ""}),
                "The message could not be delivered (carrier-violation).",
            ),
            (json!({"code": 1.5, "message": "Try later."}), "Try later (1.5)."),
            (json!({"code": -7, "message": "e"}), "e (-7)"),
        ] {
            assert_eq!(general(expected), reasons(json!([reason])), "{reason}");
        }
    }

    #[test]
    fn a_missing_code_becomes_a_general_error_with_the_message() {
        for reason in [
            json!({"message": "Spam"}),
            json!({"code": null, "message": " Spam "}),
            json!({"code": "", "message": "Spam"}),
            json!({"code": {"id": 5}, "message": "Spam", "title": "t", "error_data": {"details": "d"}}),
            json!("Spam"),
        ] {
            assert_eq!(general("Spam"), reasons(json!([reason])), "{reason}");
        }
    }

    #[test]
    fn a_missing_or_blank_message_becomes_the_default_sentence() {
        for message in [json!(null), json!(""), json!(" \n"), json!({"text": "t"}), json!(true)] {
            let expected = vec![(ReasonCode::MessageExpired, DEFAULT_FAILURE_MESSAGE.to_owned())];
            assert_eq!(expected, reasons(json!([{"code": 305, "message": message}])), "{message}");
        }
        assert_eq!(vec![(ReasonCode::GeneralError, "5".to_owned())], reasons(json!([{"code": 500, "message": 5}])));
    }

    #[test]
    fn reasons_in_unusual_forms_are_read_leniently() {
        let given =
            json!([null, {}, "", [], false, {"code": null, "message": null}, 530, "MessageExpired", "350", "Why?", 7]);
        let expected = vec![
            (ReasonCode::InvalidDestination, DEFAULT_FAILURE_MESSAGE.to_owned()),
            (ReasonCode::MessageExpired, DEFAULT_FAILURE_MESSAGE.to_owned()),
            (ReasonCode::MessageNotAllowed, DEFAULT_FAILURE_MESSAGE.to_owned()),
            (ReasonCode::GeneralError, "Why?".to_owned()),
            (ReasonCode::GeneralError, "The message could not be delivered (7).".to_owned()),
        ];
        assert_eq!(expected, reasons(given));
        let one = vec![(ReasonCode::InvalidDestination, "No".to_owned())];
        assert_eq!(one, reasons(json!({"code": 530, "message": "No"})), "one instead of a list");
        assert_eq!(general("Spam"), reasons(json!("Spam")));
    }

    #[test]
    fn a_failure_without_a_readable_reason_gets_the_code_of_its_status() {
        for (word, code) in [
            ("failed", ReasonCode::GeneralError),
            ("UNDELIVERED", ReasonCode::GeneralError),
            ("Expired", ReasonCode::MessageExpired),
            ("rejected", ReasonCode::MessageNotAllowed),
            ("bounced", ReasonCode::InvalidDestination),
        ] {
            for none in [json!(null), json!([]), json!([null]), json!([{}]), json!(""), json!(false), json!({})] {
                let outcome = read(json!({"status": word, "reasons": none}));
                let expected = vec![FailureReason { code: code.clone(), message: DEFAULT_FAILURE_MESSAGE.to_owned() }];
                assert_eq!((DeliveryStatus::Failed, expected), (outcome.status, outcome.reasons), "{word} {none}");
            }
        }
    }

    #[test]
    fn reasons_of_anything_but_a_failure_are_dropped() {
        for status in ["delivered", "read", "sent", "removed"] {
            let receipt = json!({"status": status, "reasons": [{"code": "GeneralError", "message": ""}]});
            assert!(read(receipt).reasons.is_empty(), "{status}");
        }
    }

    #[test]
    fn reasons_are_limited_and_an_appended_code_is_never_truncated() {
        assert_eq!(MAX_REASONS, reasons(json!(vec![1; 30_000])).len());
        let long = "é".repeat(5_000);
        for (reason, end) in [
            (json!({"code": 530, "message": long}), "é…"),
            (json!({"code": 30003, "message": long}), "é… (30003)"),
            (json!({"code": 30003, "message": format!("{long}.")}), "é… (30003)."),
        ] {
            let (_, message) = reasons(json!([reason])).remove(0);
            assert_eq!(MAX_MESSAGE_CHARACTERS, message.chars().count());
            assert!(message.ends_with(end), "{message}");
        }
        let (_, message) = reasons(json!([{"code": long, "message": "m"}])).remove(0);
        assert_eq!("m ()".len() + MAX_CODE_CHARACTERS, message.chars().count());
    }

    /// Any JSON within the nesting limit.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            prop::sample::select(ReasonCode::WORDS).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 30, 4, |inner| {
            let name = prop_oneof![Just("code".to_owned()), Just("message".to_owned()), ".{0,4}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name, inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_failure_stays_a_failure_with_readable_reasons_whatever_the_reasons_contain(given in any_json()) {
            let outcome = read(json!({"status": "failed", "reasons": given}));
            prop_assert_eq!(DeliveryStatus::Failed, outcome.status);
            prop_assert!((1..=MAX_REASONS).contains(&outcome.reasons.len()));
            for FailureReason { code, message } in outcome.reasons {
                prop_assert!(ReasonCode::WORDS.contains(&code.as_str()));
                prop_assert!(!message.trim().is_empty() && message.chars().count() <= MAX_MESSAGE_CHARACTERS);
            }
        }
    }

    #[test]
    fn a_receipt_is_final_unless_it_says_otherwise_in_any_form() {
        let receipt = |value: &Value| json!({"status": "failed", "isFinalReceipt": value});
        for (is_final, values) in [
            (true, vec![json!(true), json!("true"), json!(" TRUE "), json!(1), json!(1.0), json!("1")]),
            (true, vec![json!(null), json!(""), json!(" ")]),
            (false, vec![json!(false), json!("false"), json!("False"), json!(0), json!("0"), json!(-1)]),
            (false, vec![json!("perhaps"), json!(7), json!([true]), json!({"value": true})]),
        ] {
            for value in values {
                let strict = fields::read(receipt(&value), ReportedOutcome::read).unwrap();
                assert_eq!(is_final, strict.is_final, "{value}");
                assert_eq!(strict, read(receipt(&value)), "{value}");
            }
        }
    }
}
