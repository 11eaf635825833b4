//! The receipt that a messaging service may include in its response to a delivery.

use http::{HeaderMap, header};
use serde_json::Value;
use shared::json::fields::{FieldError, is_blank};
use shared::json::i_json;
use shared::model::receipt::{DeliveryStatus, ReportedOutcome};

/// What a 2xx response says about the outcome of the message: `{"receipt": {"status", "reasons", "isFinalReceipt"}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImmediateReceipt {
    None,
    Reported(ReportedOutcome),
    /// There is a receipt, or may be one, but it cannot be parsed. The message may have failed.
    Unreadable(String),
}

impl ImmediateReceipt {
    /// Reads a response's body, or the first bytes of one that is too long or incomplete. A body that is not JSON has no
    /// receipt: most are empty or a word.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8], is_complete: bool) -> Self {
        if !body.is_empty() && (is_encoded(headers) || is_utf_16_or_32(body)) {
            return Self::unreadable("the response has a Content-Encoding, or is not in UTF-8");
        }
        // Text in another encoding must not hide the status.
        let text = String::from_utf8_lossy(i_json::without_bom(body));
        let text = text.trim();
        match is_complete {
            true => Self::read_text(text),
            false if text.is_empty() || may_be_json(text) => Self::unreadable("the response is too long or incomplete"),
            false => Self::None,
        }
    }

    fn read_text(text: &str) -> Self {
        let json =
            i_json::normalized(text.as_bytes()).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        match &json {
            // Some gateways write JSON as a string within JSON.
            Some(Value::String(text)) => Self::read_text(text.trim()),
            Some(response) => match receipt_of(response) {
                Some(receipt) => {
                    ReportedOutcome::read_leniently(receipt).map_or_else(Self::unreadable_at, Self::Reported)
                }
                None if is_failure(response) || holds_receipt(response) => {
                    Self::unreadable("the response reports an outcome, but not in `receipt`")
                }
                None => Self::None,
            },
            None if may_be_json(text) && text.to_ascii_lowercase().contains("receipt") => {
                Self::unreadable("the response is not valid JSON")
            }
            None => Self::None,
        }
    }

    fn unreadable(reason: &str) -> Self {
        Self::Unreadable(reason.to_owned())
    }

    fn unreadable_at(error: FieldError) -> Self {
        Self::Unreadable(format!("/receipt{} {}", error.pointer, error.detail))
    }
}

/// Whether the body is encoded, although the request does not accept an encoding. Some servers put a character set there.
fn is_encoded(headers: &HeaderMap) -> bool {
    let is_none = |name: &[u8]| [&b""[..], b"identity", b"utf-8"].iter().any(|none| name.eq_ignore_ascii_case(none));
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !is_none(value.as_bytes().trim_ascii()))
}

/// Whether a body begins like JSON in UTF-16 or UTF-32: RFC 4627, section 3.
fn is_utf_16_or_32(body: &[u8]) -> bool {
    matches!(body, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..])
}

fn may_be_json(text: &str) -> bool {
    text.starts_with(['{', '[', '"'])
}

/// The member `receipt`. In another case, too: that must not turn a failure into a success.
fn receipt_of(response: &Value) -> Option<&Value> {
    let is_receipt = |name: &str, value| name.eq_ignore_ascii_case("receipt") && !is_blank(value);
    response.as_object()?.iter().find(|(name, value)| is_receipt(name, value)).map(|(_, receipt)| receipt)
}

/// Whether this is itself a receipt with a failure, or a list that contains one. Any other status may be that of the call.
fn is_failure(response: &Value) -> bool {
    match response {
        Value::Array(elements) => elements.iter().any(is_failure),
        other => ReportedOutcome::read_leniently(other).is_ok_and(|outcome| outcome.status == DeliveryStatus::Failed),
    }
}

/// Whether there is a receipt anywhere inside, or a list of receipts as in a request to the receipts route.
fn holds_receipt(value: &Value) -> bool {
    let names = ["receipt", "receipts", "deliveryReceipt", "deliveryReceipts"];
    let is_name = |name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let is_receipt = |value: &Value| match value {
        Value::Array(elements) => elements.iter().any(Value::is_object),
        other => other.is_object(),
    };
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| (is_name(name) && is_receipt(value)) || holds_receipt(value))
        }
        Value::Array(elements) => elements.iter().any(holds_receipt),
        // For example, the body of a response that a gateway forwards as data.
        Value::String(text) if may_be_json(text.trim()) => {
            !matches!(ImmediateReceipt::read_text(text.trim()), ImmediateReceipt::None)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use shared::model::receipt::ReasonCode;

    fn read(body: impl AsRef<[u8]>) -> ImmediateReceipt {
        ImmediateReceipt::read(&HeaderMap::new(), body.as_ref(), true)
    }

    fn read_start(body: &str) -> ImmediateReceipt {
        ImmediateReceipt::read(&HeaderMap::new(), body.as_bytes(), false)
    }

    fn reason(receipt: ImmediateReceipt) -> String {
        match receipt {
            ImmediateReceipt::Unreadable(reason) => reason,
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
    fn a_2xx_response_may_report_the_outcome_of_the_message() {
        assert_eq!(DeliveryStatus::Delivered, status(r#"{"receipt": {"status": "Delivered"}, "id": 7}"#));
        assert_eq!(DeliveryStatus::Failed, status(r#"{"Receipt": {"status": "Failed"}, "receipt": null}"#));
        let failed = r#"{"receipt": {"status": "FAILED", "reasons": [{"code": 530}, {"code": 30003}], "id": 7}}"#;
        let ImmediateReceipt::Reported(failed) = read(failed) else { panic!() };
        let codes: Vec<_> = failed.reasons.into_iter().map(|reason| reason.code).collect();
        assert_eq!(vec![ReasonCode::InvalidDestination, ReasonCode::GeneralError], codes);
    }

    #[test]
    fn a_response_without_a_receipt_reports_nothing() {
        for body in
            ["", " ", "OK", "<html>receipt</html>", "{}", "[]", "null", r#"{"receipt": null}"#, r#"{"receipt": ""}"#]
        {
            assert_eq!(ImmediateReceipt::None, read(body), "{body}");
        }
        for other in [r#"{"id": "m", "ok": true}"#, "{ok}", r#"["receipt"]"#, r#""receipt""#, r#""{\"ok\": true}""#] {
            assert_eq!(ImmediateReceipt::None, read(other), "{other}");
        }
        for the_calls_own in [
            r#"{"status": "accepted"}"#,
            r#"{"status": "delivered", "id": 7}"#,
            r#"{"status": "OK"}"#,
            r#"[{"status": "queued"}]"#,
            r#"{"receipts": []}"#,
            r#"{"receipts": "https://example.com/receipts/1", "data": {"receipt": null}}"#,
        ] {
            assert_eq!(ImmediateReceipt::None, read(the_calls_own), "{the_calls_own}");
        }
    }

    #[test]
    fn a_receipt_in_another_form_or_place_is_not_overlooked() {
        for body in [
            r#"{"receipts": [{"status": "failed"}]}"#,
            r#"{"Receipts": [null, {"messageId": "m", "status": "failed"}], "receipt": null}"#,
            r#"{"receipts": {"status": "failed"}}"#,
            r#"{"status": "failed", "reasons": [{"code": 530}]}"#,
            r#"{"messageId": "m", "to": {"id": "c"}, "status": " Undelivered "}"#,
            r#"[{"status": "failed"}]"#,
            r#"[{"receipt": {"status": "failed"}}]"#,
            r#"{"data": {"receipt": {"status": "failed"}}}"#,
        ] {
            assert_eq!("the response reports an outcome, but not in `receipt`", reason(read(body)), "{body}");
        }
    }

    #[test]
    fn a_response_that_is_compressed_or_not_in_utf_8_is_not_taken_for_one_without_a_receipt() {
        let failed = r#"{"receipt": {"status": "failed"}}"#;
        let encoded = |encoding: &'static str, body: &[u8], is_complete| {
            let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
            ImmediateReceipt::read(&headers, body, is_complete)
        };
        let expected = "the response has a Content-Encoding, or is not in UTF-8";
        for encoding in ["gzip", "br", "GZIP", "identity, gzip", "aws-chunked"] {
            for is_complete in [true, false] {
                assert_eq!(expected, reason(encoded(encoding, b"\x1f\x8b\x08\x00", is_complete)), "{encoding}");
            }
            assert_eq!(ImmediateReceipt::None, encoded(encoding, b"", true), "{encoding}");
        }
        for none in ["identity", "Identity", "", "UTF-8"] {
            assert!(matches!(encoded(none, failed.as_bytes(), true), ImmediateReceipt::Reported(_)), "{none}");
        }
        let units: Vec<_> = failed.encode_utf16().collect();
        let in_utf_16 = |bytes: fn(u16) -> [u8; 2]| units.iter().copied().flat_map(bytes).collect::<Vec<_>>();
        let in_utf_32: Vec<_> = failed.chars().flat_map(|character| u32::from(character).to_le_bytes()).collect();
        let (little, big) = (in_utf_16(u16::to_le_bytes), in_utf_16(u16::to_be_bytes));
        for body in [[&b"\xff\xfe"[..], &little].concat(), [&b"\xfe\xff"[..], &big].concat(), little, big, in_utf_32] {
            assert_eq!(expected, reason(read(&body)), "{body:?}");
        }
    }

    #[test]
    fn a_failure_is_recognized_in_any_encoding_of_its_text() {
        let failed: [&[u8]; 5] = [
            b"\xef\xbb\xbf{\"receipt\": {\"status\": \"failed\"}}",
            b"{\"receipt\": {\"status\": \"failed\", \"reasons\": [{\"message\": \"ung\xfcltig\"}]}}",
            br#"{"receipt": {"status": "failed", "reasons": [{"message": "\ud83d"}]}}"#,
            br#"{"receipt": {"status": "failed", "reasons": [{"code": 1e400}]}}"#,
            br#" "{\"receipt\": {\"status\": \"failed\"}}""#,
        ];
        for body in failed {
            assert_eq!(DeliveryStatus::Failed, status(body), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_malformed_receipt_is_not_overlooked_and_no_text_of_it_is_quoted() {
        for (body, place) in [
            (r#"{"receipt": {"status": "it is lost"}}"#, "/receipt/status "),
            (r#"{"receipt": {"status": null}}"#, "/receipt/status "),
            (r#"{"receipt": {}}"#, "/receipt/status "),
            (r#"{"receipt": "lost"}"#, "/receipt "),
            (r#"{"receipt": false}"#, "/receipt "),
            (r#"{"receipt": [{"status": "lost"}]}"#, "/receipt "),
            (r#"{"receipt": {"status": "lost",}}"#, "the response "),
            ("{receipt: {status: 'lost'}}", "the response "),
            (&format!(r#"{{"receipt": {}1{}}}"#, "[".repeat(200), "]".repeat(200)), "the response "),
        ] {
            let reason = reason(read(body));
            assert!(reason.starts_with(place) && !reason.contains("lost"), "{body}: {reason}");
        }
    }

    #[test]
    fn an_unknown_word_for_a_status_is_in_the_reason() {
        let expected = "/receipt/status is \"dispatched-to-carrier\", not one of the words for a status";
        assert_eq!(expected, reason(read(r#"{"receipt": {"status": "dispatched-to-carrier"}}"#)));
    }

    #[test]
    fn a_truncated_body_that_begins_like_json_may_have_contained_a_receipt() {
        for body in ["", " {", r#"{"receipt": {"status": "deliv"#, r#"{"ok": true"#, r#"[{"receipt": {"#] {
            assert_eq!("the response is too long or incomplete", reason(read_start(body)));
        }
        for body in ["<html>", "OK"] {
            assert_eq!(ImmediateReceipt::None, read_start(body), "{body}");
        }
    }

    #[test]
    fn a_receipt_in_a_string_within_the_response_is_not_overlooked() {
        for response in [
            r#"{"statusCode": 200, "body": "{\"receipt\": {\"status\": \"failed\"}}"}"#,
            r#"{"deliveryReceipt": {"status": "failed"}}"#,
        ] {
            assert_eq!("the response reports an outcome, but not in `receipt`", reason(read(response)), "{response}");
        }
        for nothing in [r#"{"statusCode": 200, "body": "{\"ok\": true}"}"#, r#"{"note": "[sic]"}"#] {
            assert_eq!(ImmediateReceipt::None, read(nothing), "{nothing}");
        }
    }
}
