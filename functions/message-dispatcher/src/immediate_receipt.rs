//! The receipt that a messaging service may send in its answer to a delivery.

use serde_json::Value;
use shared::fields::{Fault, is_blank};
use shared::i_json;
use shared::receipt::ReportedOutcome;

/// What an answer with a 2xx status says of the message's outcome: `{"receipt": {"status", "reasons", "isFinalReceipt"}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImmediateReceipt {
    /// Nothing.
    None,
    /// The outcome.
    Reported(ReportedOutcome),
    /// There is a receipt, or may be one, and it cannot be read: why. The message may have failed.
    Unreadable(String),
}

impl ImmediateReceipt {
    /// Reads an answer's body, or the first bytes of one that is too long or broke off. What is no JSON object has no receipt:
    /// most answers are empty or a word.
    pub(crate) fn read(body: &[u8], is_complete: bool) -> Self {
        // Words of a provider in another encoding must not hide the status.
        let text = String::from_utf8_lossy(i_json::without_bom(body));
        let text = text.trim();
        if !is_complete {
            let may_have_one = text.is_empty() || text.starts_with('{');
            return if may_have_one { Self::unreadable("the answer is too long or broke off") } else { Self::None };
        }
        let json = i_json::normalized(text.as_bytes()).ok().and_then(|json| serde_json::from_slice(&json).ok());
        match json {
            Some(Value::Object(answer)) => match answer.iter().find(|(name, value)| is_receipt(name, value)) {
                Some((_, receipt)) => {
                    ReportedOutcome::read_leniently(receipt).map_or_else(Self::unreadable_at, Self::Reported)
                }
                None => Self::None,
            },
            None if text.starts_with('{') && text.to_ascii_lowercase().contains("receipt") => {
                Self::unreadable("the answer is not valid JSON")
            }
            _ => Self::None,
        }
    }

    fn unreadable(why: &str) -> Self {
        Self::Unreadable(why.to_owned())
    }

    fn unreadable_at(fault: Fault) -> Self {
        Self::Unreadable(format!("/receipt{} {}", fault.pointer, fault.detail))
    }
}

/// Whether this member of an answer is the receipt. That its name is written in another case must not turn a failure into a
/// success.
fn is_receipt(name: &str, value: &Value) -> bool {
    name.eq_ignore_ascii_case("receipt") && !is_blank(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::receipt::{DeliveryStatus, ReasonCode};

    fn read(body: impl AsRef<[u8]>) -> ImmediateReceipt {
        ImmediateReceipt::read(body.as_ref(), true)
    }

    fn why(receipt: ImmediateReceipt) -> String {
        match receipt {
            ImmediateReceipt::Unreadable(why) => why,
            other => panic!("{other:?}"),
        }
    }

    fn status(body: impl AsRef<[u8]>) -> DeliveryStatus {
        match read(body) {
            ImmediateReceipt::Reported(outcome) => outcome.status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_accepting_answer_may_report_the_messages_outcome() {
        assert_eq!(DeliveryStatus::Delivered, status(r#"{"receipt": {"status": "Delivered"}, "id": 7}"#));
        assert_eq!(DeliveryStatus::Failed, status(r#"{"Receipt": {"status": "Failed"}, "receipt": null}"#));
        let failed = r#"{"receipt": {"status": "FAILED", "reasons": [{"code": 530}, {"code": 30003}], "id": 7}}"#;
        let ImmediateReceipt::Reported(failed) = read(failed) else { panic!() };
        let codes: Vec<_> = failed.reasons.into_iter().map(|reason| reason.code).collect();
        assert_eq!(vec![ReasonCode::InvalidDestination, ReasonCode::GeneralError], codes);
    }

    #[test]
    fn an_answer_without_a_receipt_reports_nothing() {
        for body in
            ["", " ", "OK", "<html>receipt</html>", "{}", "[]", "null", r#"{"receipt": null}"#, r#"{"receipt": ""}"#]
        {
            assert_eq!(ImmediateReceipt::None, read(body), "{body}");
        }
        for other in [r#"{"id": "m", "ok": true}"#, "{ok}", r#"["receipt"]"#, r#""receipt""#] {
            assert_eq!(ImmediateReceipt::None, read(other), "{other}");
        }
    }

    #[test]
    fn a_failure_is_read_whatever_its_words_are_written_in() {
        let failed: [&[u8]; 4] = [
            b"\xef\xbb\xbf{\"receipt\": {\"status\": \"failed\"}}",
            b"{\"receipt\": {\"status\": \"failed\", \"reasons\": [{\"message\": \"ung\xfcltig\"}]}}",
            br#"{"receipt": {"status": "failed", "reasons": [{"message": "\ud83d"}]}}"#,
            br#"{"receipt": {"status": "failed", "reasons": [{"code": 1e400}]}}"#,
        ];
        for body in failed {
            assert_eq!(DeliveryStatus::Failed, status(body), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_receipt_that_cannot_be_read_is_not_taken_for_none_and_its_value_is_not_repeated() {
        for (body, place) in [
            (r#"{"receipt": {"status": "lost"}}"#, "/receipt/status "),
            (r#"{"receipt": {"status": null}}"#, "/receipt/status "),
            (r#"{"receipt": {}}"#, "/receipt/status "),
            (r#"{"receipt": "lost"}"#, "/receipt "),
            (r#"{"receipt": false}"#, "/receipt "),
            (r#"{"receipt": [{"status": "lost"}]}"#, "/receipt "),
            (r#"{"receipt": {"status": "lost",}}"#, "the answer "),
            ("{receipt: {status: 'lost'}}", "the answer "),
            (&format!(r#"{{"receipt": {}1{}}}"#, "[".repeat(200), "]".repeat(200)), "the answer "),
        ] {
            let why = why(read(body));
            assert!(why.starts_with(place) && !why.contains("lost"), "{body}: {why}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_may_hold_a_receipt_where_it_begins_like_an_object() {
        for body in ["", " {", r#"{"receipt": {"status": "deliv"#, r#"{"ok": true"#] {
            assert_eq!("the answer is too long or broke off", why(ImmediateReceipt::read(body.as_bytes(), false)));
        }
        for body in ["<html>", "OK"] {
            assert_eq!(ImmediateReceipt::None, ImmediateReceipt::read(body.as_bytes(), false), "{body}");
        }
    }
}
