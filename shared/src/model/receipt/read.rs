//! Reading what a messaging service reports of a message: on the receipts route, and in its answer to a delivery.
//!
//! The status has to be one of the known words: an unknown one is never taken for success. Reasons are a provider's, handed
//! over by a gateway as it got them. They are read as far as possible, because a receipt that is refused for its reasons
//! leaves the agent without the failure itself. Whether a receipt is final is read likewise.

use super::{DeliveryStatus, FailureReason, NOT_DELIVERED, ReasonCode};
use crate::json::fields::{Fault, Fields, is_blank, one_of, whole};
use crate::limits::shortened;
use serde_json::Value;

/// How many reasons of a failure are passed on. All of them go into one message of a queue.
const MAX_REASONS: usize = 10;
/// The longest message of a reason, in characters.
const MAX_MESSAGE_CHARACTERS: usize = 1_000;
/// The longest code of a provider, in characters.
const MAX_CODE_CHARACTERS: usize = 64;

/// What a messaging service's word for a status means.
#[derive(Debug, Clone)]
enum StatusMeaning {
    NotFailed(DeliveryStatus),
    /// With the code of a failure for which no reason is given.
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

/// What a messaging service reports of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedOutcome {
    /// Whether the message got through.
    pub status: DeliveryStatus,
    /// Why it did not: of a failure at least one reason, otherwise none.
    pub reasons: Vec<FailureReason>,
    /// Whether no further receipt will come for the message.
    pub is_final: bool,
}

impl ReportedOutcome {
    /// The words for a status that are understood, in any case.
    pub fn status_words() -> impl Iterator<Item = &'static str> {
        STATUS_WORDS.iter().map(|(word, _)| *word)
    }

    /// Reads `status`, `reasons` and `isFinalReceipt`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let status = fields.optional("status", Ok);
        let reasons = fields.optional("reasons", Ok);
        let is_final = fields.optional("isFinalReceipt", Ok);
        let meaning = meaning(status).map_err(|detail| fields.fault("status", &detail)).ok()?;
        Some(Self::new(meaning, reasons, is_final))
    }

    /// The same where the sender cannot be asked to correct anything: only the status has to be readable, and members that
    /// are not known do not matter.
    ///
    /// # Errors
    /// The status cannot be read.
    pub fn read_leniently(receipt: &Value) -> Result<Self, Fault> {
        let fault = |pointer: &str, detail| Fault { pointer: pointer.to_owned(), detail };
        let Value::Object(members) = receipt else { return Err(fault("", "must be an object".to_owned())) };
        let member = |name| members.get(name).filter(|value| !is_blank(value)).cloned();
        let meaning = meaning(member("status")).map_err(|detail| fault("/status", detail))?;
        Ok(Self::new(meaning, member("reasons"), member("isFinalReceipt")))
    }

    fn new(meaning: StatusMeaning, reasons: Option<Value>, is_final: Option<Value>) -> Self {
        let (status, reasons) = match meaning {
            StatusMeaning::NotFailed(status) => (status, Vec::new()),
            StatusMeaning::Failed(code) => (DeliveryStatus::Failed, failure_reasons(reasons, code)),
        };
        Self { status, reasons, is_final: is_final.is_none_or(|value| is_yes(&value)) }
    }
}

/// What the word for a status means; where there is none, too, the detail names all words.
fn meaning(status: Option<Value>) -> Result<StatusMeaning, String> {
    let is_missing = status.is_none();
    one_of(&STATUS_WORDS)(status.unwrap_or_default())
        .map_err(|detail| if is_missing { format!("is required, and {detail}") } else { detail })
}

/// Whether this says that the receipt is final. What cannot be read does not: a later receipt may still change the outcome.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(boolean) => *boolean,
        other => scalar(other).is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true")),
    }
}

/// The reasons of a failure; where none can be read, the one that the status stands for.
fn failure_reasons(given: Option<Value>, code: ReasonCode) -> Vec<FailureReason> {
    let given = match given {
        Some(Value::Array(elements)) => elements,
        other => other.into_iter().collect(),
    };
    let mut reasons: Vec<_> = given.iter().filter_map(failure_reason).take(MAX_REASONS).collect();
    if reasons.is_empty() {
        reasons.push(FailureReason { code, message: NOT_DELIVERED.to_owned() });
    }
    reasons
}

/// A reason; none, if it says nothing. Its usual form is `{"code", "message"}`. What stands in its place is a code, or else a
/// message.
fn failure_reason(given: &Value) -> Option<FailureReason> {
    let (code, message) = match given {
        Value::Object(members) => (members.get("code").and_then(scalar), members.get("message").and_then(scalar)),
        Value::String(text) if known_code(text).is_none() => (None, scalar(given)),
        other => (scalar(other), None),
    };
    let known = code.as_deref().and_then(known_code);
    let message = match (code, message) {
        (None, None) => return None,
        (Some(code), message) if known.is_none() => with_code(message.as_deref().unwrap_or(NOT_DELIVERED), code),
        (_, message) => message.unwrap_or_else(|| NOT_DELIVERED.to_owned()),
    };
    let message = shortened(message, MAX_MESSAGE_CHARACTERS);
    Some(FailureReason { code: known.unwrap_or(ReasonCode::GeneralError), message })
}

/// A code by its name or by its number.
fn known_code(text: &str) -> Option<ReasonCode> {
    let text = text.trim();
    ReasonCode::from_name(text).or_else(|| ReasonCode::from_number(text.parse().ok()?))
}

/// `Unreachable destination handset (30003)`: the agent and a search for the provider's code find it there. However long the
/// words are, the code is not cut off.
fn with_code(words: &str, code: String) -> String {
    let code = format!(" ({})", shortened(code, MAX_CODE_CHARACTERS));
    let (words, end) = words.strip_suffix('.').map_or((words, ""), |words| (words, "."));
    let room = MAX_MESSAGE_CHARACTERS - code.chars().count() - end.len();
    shortened(words.to_owned(), room) + &code + end
}

/// The text of a string or a number that is not blank.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(whole(value).map_or_else(|| number.to_string(), |whole| whole.to_string())),
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
        ReportedOutcome::read_leniently(&receipt).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// The codes and messages that a failure has with these reasons.
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
        let receipts = odd.into_iter().map(|status| json!({"status": status}));
        let missing = [json!({}), json!({"reasons": [{"code": 530}]})];
        for receipt in receipts.chain(missing) {
            let fault = ReportedOutcome::read_leniently(&receipt).unwrap_err();
            assert_eq!("/status", fault.pointer, "{receipt}");
            for word in ReportedOutcome::status_words() {
                assert!(fault.detail.contains(&format!("`{word}`")), "{receipt}: {fault}");
            }
            assert!(!fault.detail.contains("lost"), "{fault}");
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
    fn an_unknown_code_becomes_a_general_error_with_the_code_behind_the_words() {
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
    fn a_missing_code_becomes_a_general_error_with_the_words() {
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
            let expected = vec![(ReasonCode::MessageExpired, NOT_DELIVERED.to_owned())];
            assert_eq!(expected, reasons(json!([{"code": 305, "message": message}])), "{message}");
        }
        assert_eq!(vec![(ReasonCode::GeneralError, "5".to_owned())], reasons(json!([{"code": 500, "message": 5}])));
    }

    #[test]
    fn odd_reasons_are_read_as_far_as_possible_and_the_others_count() {
        let given =
            json!([null, {}, "", [], false, {"code": null, "message": null}, 530, "MessageExpired", "350", "Why?", 7]);
        let expected = vec![
            (ReasonCode::InvalidDestination, NOT_DELIVERED.to_owned()),
            (ReasonCode::MessageExpired, NOT_DELIVERED.to_owned()),
            (ReasonCode::MessageNotAllowed, NOT_DELIVERED.to_owned()),
            (ReasonCode::GeneralError, "Why?".to_owned()),
            (ReasonCode::GeneralError, "The message could not be delivered (7).".to_owned()),
        ];
        assert_eq!(expected, reasons(given));
        let one = vec![(ReasonCode::InvalidDestination, "No".to_owned())];
        assert_eq!(one, reasons(json!({"code": 530, "message": "No"})), "one in place of a list");
        assert_eq!(general("Spam"), reasons(json!("Spam")));
    }

    #[test]
    fn a_failure_without_a_readable_reason_has_that_of_its_status() {
        for (word, code) in [
            ("failed", ReasonCode::GeneralError),
            ("UNDELIVERED", ReasonCode::GeneralError),
            ("Expired", ReasonCode::MessageExpired),
            ("rejected", ReasonCode::MessageNotAllowed),
            ("bounced", ReasonCode::InvalidDestination),
        ] {
            for none in [json!(null), json!([]), json!([null]), json!([{}]), json!(""), json!(false), json!({})] {
                let outcome = read(json!({"status": word, "reasons": none}));
                let expected = vec![FailureReason { code: code.clone(), message: NOT_DELIVERED.to_owned() }];
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
    fn reasons_are_bounded_and_a_code_is_never_cut_off_its_message() {
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

    /// Any JSON that is not nested too deeply.
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
        fn whatever_stands_in_the_reasons_a_failure_is_a_failure_with_readable_reasons(given in any_json()) {
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
    fn a_receipt_is_final_unless_it_says_otherwise_in_whatever_form() {
        let receipt = |value: &Value| json!({"status": "failed", "isFinalReceipt": value});
        for (is_final, values) in [
            (true, vec![json!(true), json!("true"), json!(" TRUE "), json!(1), json!(1.0), json!("1")]),
            (true, vec![json!(null), json!(""), json!(" ")]),
            (false, vec![json!(false), json!("false"), json!("False"), json!(0), json!("0"), json!(-1)]),
            (false, vec![json!("perhaps"), json!(7), json!([true]), json!({"value": true})]),
        ] {
            for value in values {
                let on_the_route = fields::read(receipt(&value), ReportedOutcome::read).unwrap();
                assert_eq!(is_final, on_the_route.is_final, "{value}");
                assert_eq!(on_the_route, read(receipt(&value)), "{value}");
            }
        }
    }
}
