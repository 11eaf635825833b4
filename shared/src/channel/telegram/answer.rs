//! What an answer of Telegram's API means for a message.

use crate::channel::error::{FileError, NoAnswer, SendError};
use crate::http_client::{BodyError, retry_after};
use crate::json::lenient::Members;
use crate::model::receipt::ReasonCode;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;

/// Why a call failed.
pub(super) enum Failure {
    /// Nothing was done. The description is for people, and may hold anything.
    Refused { status: u16, cause: Cause, description: String },
    /// The bot's token is malformed or revoked, or the address is not that of an API.
    Configuration { status: u16 },
    /// Nothing was done.
    RateLimited(Option<Duration>),
    /// It may have been done, if Telegram may have got it.
    NoAnswer(NoAnswer),
    /// No call was made.
    NotCalled(&'static str),
    /// It may have been done.
    Unknown { cause: String, timed_out: bool },
}

/// Why Telegram refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    ChatNotFound,
    Deactivated,
    Blocked,
    NotStarted,
    NotAllowed,
    VoiceNotAllowed,
    /// Telegram did not get a file from its URL.
    NotFetched,
    NotAPhoto,
    TooLarge,
    Malformed,
    Other,
}

/// Phrases of descriptions, in lower case. Their texts are not promised, so anything else is [`Cause::Other`]. Those in
/// capitals are codes of Telegram's inner servers, which arrive with status 400.
const PHRASES: &[(u16, &[&str], Cause)] = &[
    (403, &["blocked by the user"], Cause::Blocked),
    (403, &["user is deactivated"], Cause::Deactivated),
    (403, &["initiate conversation"], Cause::NotStarted),
    (403, &["messages to bots", "bot was kicked", "bot is not a member"], Cause::NotAllowed),
    (400, &["user_is_blocked"], Cause::Blocked),
    (400, &["input_user_deactivated"], Cause::Deactivated),
    (400, &["chat not found", "user not found", "peer_id_invalid"], Cause::ChatNotFound),
    (400, &["voice_messages_forbidden"], Cause::VoiceNotAllowed),
    (400, &["no rights to send", "no write access", "upgraded to a supergroup"], Cause::NotAllowed),
    (400, &["file is too big", "request entity too large"], Cause::TooLarge),
    (400, &["http url specified", "http url content", "web page content", "upload file by url"], Cause::NotFetched),
    (400, &["webpage_curl_failed", "webpage_media_empty"], Cause::NotFetched),
    (400, &["photo_", "image_process_failed"], Cause::NotAPhoto),
    (400, &["text is empty", "message is too long", "caption is too long", "can't parse"], Cause::Malformed),
    (400, &["button_data_invalid", "button_url_invalid", "reply markup is too long"], Cause::Malformed),
];

impl Cause {
    fn of(status: u16, description: &str) -> Self {
        let description = description.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| description.contains(phrase));
        match status {
            413 => Self::TooLarge,
            _ => PHRASES
                .iter()
                .find(|(of, phrases, _)| *of == status && says(phrases))
                .map_or(Self::Other, |(_, _, cause)| *cause),
        }
    }

    /// A word for the log, the reason for the platform, and a sentence for the agent.
    fn describe(self) -> (&'static str, ReasonCode, &'static str) {
        match self {
            Self::ChatNotFound => {
                ("chat-not-found", ReasonCode::InvalidDestination, "The bot has no Telegram chat with this customer.")
            }
            Self::Deactivated => {
                ("deactivated", ReasonCode::InvalidDestination, "The customer's Telegram account no longer exists.")
            }
            Self::Blocked => {
                ("blocked", ReasonCode::RecipientOptedOut, "The customer has blocked the bot on Telegram.")
            }
            Self::NotStarted => (
                "not-started",
                ReasonCode::MessageNotAllowed,
                "The customer has not started the bot on Telegram, and a bot cannot write first.",
            ),
            Self::NotAllowed => {
                ("not-allowed", ReasonCode::MessageNotAllowed, "Telegram does not allow the bot to write to this chat.")
            }
            Self::VoiceNotAllowed => (
                "voice-not-allowed",
                ReasonCode::MessageNotAllowed,
                "The customer does not accept voice messages on Telegram.",
            ),
            Self::NotFetched => {
                ("not-fetched", ReasonCode::InvalidMessageStructure, "Telegram could not fetch the file.")
            }
            Self::NotAPhoto => {
                ("not-a-photo", ReasonCode::InvalidMessageStructure, "Telegram does not accept the image.")
            }
            Self::TooLarge => {
                ("too-large", ReasonCode::InvalidMediaContentLength, "The file is too large for Telegram.")
            }
            Self::Malformed => {
                ("malformed", ReasonCode::InvalidMessageStructure, "Telegram does not accept the form of the message.")
            }
            Self::Other => ("refused", ReasonCode::GeneralError, "Telegram refused the message."),
        }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { status, cause, .. } => {
                let (word, reason, sentence) = cause.describe();
                Self::Refused { reason, code: Some(format!("{status} {word}")), message: sentence.to_owned() }
            }
            Failure::Configuration { status } => Self::Configuration { code: Some(status.to_string()) },
            Failure::RateLimited(retry_after) => Self::RateLimited { retry_after },
            Failure::NoAnswer(no_answer) => no_answer.into(),
            Failure::NotCalled(cause) => Self::NotCalled(cause),
            Failure::Unknown { cause, timed_out } => Self::OutcomeUnknown { cause, timed_out },
        }
    }
}

impl Failure {
    /// Why a file is not known to the API.
    pub(super) fn into_file_error(self, maximum: u64) -> FileError {
        match self {
            Self::Refused { cause: Cause::TooLarge, .. } => FileError::TooLarge { maximum },
            Self::Refused { .. } => FileError::NotFound,
            Self::Configuration { .. } => FileError::Credentials,
            Self::RateLimited(_) => FileError::Unavailable("the rate is limited".to_owned()),
            Self::NoAnswer(NoAnswer { cause, .. }) | Self::NotCalled(cause) => FileError::Unavailable(cause.to_owned()),
            Self::Unknown { cause, .. } => FileError::Unavailable(cause),
        }
    }
}

/// An answer that accepts the call: a document with `result`.
pub(super) struct Accepted(Vec<u8>);

impl Accepted {
    /// Reads the result, if it is an object.
    pub(super) fn result<T>(&self, read: impl FnOnce(&Members<'_>) -> Option<T>) -> Option<T> {
        read(&members(&self.0)?.object("result")?)
    }
}

fn members(body: &[u8]) -> Option<Members<'_>> {
    serde_json::from_slice(body).ok()
}

/// Classifies an answer: by the code first, then by a phrase.
pub(super) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: Result<Vec<u8>, BodyError>,
) -> Result<Accepted, Failure> {
    let body = body.unwrap_or_default();
    let answer = members(&body);
    let is_ok = answer.as_ref().and_then(|answer| answer.flag("ok"));
    if status.is_success() && is_ok == Some(true) {
        drop(answer);
        return Ok(Accepted(body));
    }
    // The status is the code, unless something between Telegram and us has changed it.
    let named = answer.as_ref().filter(|_| is_ok == Some(false)).and_then(|answer| answer.count("error_code"));
    let code = named.and_then(|code| u16::try_from(code).ok()).unwrap_or(status.as_u16());
    let description = answer.as_ref().and_then(|answer| answer.text("description")).unwrap_or_default();
    Err(match code {
        // The API never redirects: the address is another server's.
        300..400 | 401 | 404 => Failure::Configuration { status: code },
        400 if description.to_lowercase().contains("logged out") => Failure::Configuration { status: code },
        429 => {
            let seconds = answer.and_then(|answer| answer.object("parameters")?.count("retry_after"));
            let named =
                seconds.map(|seconds| HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from(seconds))]));
            Failure::RateLimited(retry_after(named.as_ref().unwrap_or(headers), Timestamp::now()))
        }
        // By a proxy in front of an API server of one's own: the server may have the call.
        408 | 425 => Failure::Unknown { cause: format!("status {code}"), timed_out: code == 408 },
        400..500 => Failure::Refused { status: code, cause: Cause::of(code, &description), description },
        _ if status.is_success() => {
            Failure::Unknown { cause: "the answer cannot be read".to_owned(), timed_out: false }
        }
        _ => Failure::Unknown { cause: format!("status {code}"), timed_out: code == 504 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn answer(status: u16, body: &str) -> Result<(), SendError> {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static("9"))]);
        let status = StatusCode::from_u16(status).unwrap();
        classify(status, &headers, Ok(body.as_bytes().to_vec())).map(|_| ()).map_err(SendError::from)
    }

    fn error(status: u16, description: &str) -> SendError {
        let body = json!({"ok": false, "error_code": status, "description": description});
        answer(status, &body.to_string()).unwrap_err()
    }

    fn refusal(status: u16, description: &str) -> (ReasonCode, String) {
        match error(status, description) {
            SendError::Refused { reason, code, .. } => (reason, code.unwrap()),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_accepted_call_has_a_result_whose_unknown_members_do_not_matter() {
        let body = br#"{"ok":true,"result":{"message_id":57,"new":{}},"new":1}"#.to_vec();
        let accepted = classify(StatusCode::OK, &HeaderMap::new(), Ok(body)).unwrap_or_else(|_| panic!());
        assert_eq!(Some("57".to_owned()), accepted.result(|message| message.id("message_id")));
        assert_eq!(Ok(()), answer(200, r#"{"ok":true,"result":true}"#));
    }

    #[test]
    fn refusals_are_recognised_by_their_phrases_in_any_case() {
        use ReasonCode::{
            GeneralError, InvalidDestination, InvalidMediaContentLength, InvalidMessageStructure, MessageNotAllowed,
            RecipientOptedOut,
        };
        for (status, description, reason, code) in [
            (400, "Bad Request: chat not found", InvalidDestination, "400 chat-not-found"),
            (400, "Bad Request: PEER_ID_INVALID", InvalidDestination, "400 chat-not-found"),
            (400, "Bad Request: message text is empty", InvalidMessageStructure, "400 malformed"),
            (400, "Bad Request: can't parse entities: x", InvalidMessageStructure, "400 malformed"),
            (400, "Bad Request: BUTTON_DATA_INVALID", InvalidMessageStructure, "400 malformed"),
            (400, "Bad Request: wrong HTTP URL specified", InvalidMessageStructure, "400 not-fetched"),
            (400, "Bad Request: failed to get HTTP URL content", InvalidMessageStructure, "400 not-fetched"),
            (400, "Bad Request: wrong type of the web page content", InvalidMessageStructure, "400 not-fetched"),
            (400, "Bad Request: wrong file identifier/HTTP URL specified", InvalidMessageStructure, "400 not-fetched"),
            (400, "Bad Request: can't upload file by URL", InvalidMessageStructure, "400 not-fetched"),
            (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", InvalidMessageStructure, "400 not-a-photo"),
            (400, "Bad Request: IMAGE_PROCESS_FAILED", InvalidMessageStructure, "400 not-a-photo"),
            (400, "Bad Request: file is too big", InvalidMediaContentLength, "400 too-large"),
            (413, "Request Entity Too Large", InvalidMediaContentLength, "413 too-large"),
            (400, "Bad Request: have no rights to send a message", MessageNotAllowed, "400 not-allowed"),
            (400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", MessageNotAllowed, "400 voice-not-allowed"),
            (400, "Bad Request: something new", GeneralError, "400 refused"),
            (403, "Forbidden: bot was BLOCKED by the user", RecipientOptedOut, "403 blocked"),
            (403, "Forbidden: user is deactivated", InvalidDestination, "403 deactivated"),
            (403, "Forbidden: bot can't initiate conversation with a user", MessageNotAllowed, "403 not-started"),
            (403, "Forbidden: bot can't send messages to bots", MessageNotAllowed, "403 not-allowed"),
            (403, "Forbidden: something new", GeneralError, "403 refused"),
            (409, "Conflict: terminated", GeneralError, "409 refused"),
        ] {
            assert_eq!((reason, code.to_owned()), refusal(status, description), "{description}");
        }
    }

    #[test]
    fn an_operator_has_to_act_on_a_token_that_is_not_accepted_and_on_a_redirect() {
        for (status, description) in [(401, "Unauthorized"), (404, "Not Found"), (400, "Bad Request: Logged out")] {
            assert_eq!(SendError::Configuration { code: Some(status.to_string()) }, error(status, description));
        }
        for (status, body) in [(302, ""), (308, "<html>")] {
            assert_eq!(Err(SendError::Configuration { code: Some(status.to_string()) }), answer(status, body));
        }
    }

    #[test]
    fn a_limit_says_when_to_try_again_in_the_answer_or_its_header() {
        let limited = |parameters: Value| {
            let body = json!({"ok": false, "error_code": 429, "description": "x", "parameters": parameters});
            match answer(429, &body.to_string()) {
                Err(SendError::RateLimited { retry_after }) => retry_after.map(|wait| wait.as_secs()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(Some(8), limited(json!({"retry_after": 8})));
        assert_eq!(Some(8), limited(json!({"retry_after": "8"})));
        assert_eq!(Some(9), limited(json!(null)));
        assert_eq!(Some(11 * 3600), limited(json!({"retry_after": 9_999_999_999_u64})));
    }

    #[test]
    fn an_answer_that_cannot_be_read_and_a_failure_of_telegram_leave_the_outcome_unknown() {
        for (status, body, late) in [
            (200, "", false),
            (200, "{}", false),
            (200, r#"{"ok":true"#, false),
            (500, r#"{"ok":false,"error_code":500,"description":"Internal Server Error: restart"}"#, false),
            (502, "<html>", false),
            (504, "", true),
            (408, "", true),
            (425, "", false),
        ] {
            let outcome = answer(status, body);
            assert!(
                matches!(outcome, Err(SendError::OutcomeUnknown { timed_out, .. }) if timed_out == late),
                "{status} {body}: {outcome:?}"
            );
        }
    }

    #[test]
    fn a_refusal_without_a_readable_body_is_one_by_its_status() {
        assert!(matches!(answer(403, "<html>"), Err(SendError::Refused { .. })));
        assert!(matches!(answer(401, ""), Err(SendError::Configuration { .. })));
        let broken = classify(StatusCode::BAD_REQUEST, &HeaderMap::new(), Err(BodyError));
        assert!(matches!(broken.map_err(SendError::from), Err(SendError::Refused { .. })));
    }

    #[test]
    fn a_file_is_gone_too_large_or_unavailable() {
        let file_error = |status: u16, description: &str| {
            let body = json!({"ok": false, "error_code": status, "description": description}).to_string().into_bytes();
            let answer = classify(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Ok(body));
            answer.err().unwrap().into_file_error(5)
        };
        assert_eq!(FileError::TooLarge { maximum: 5 }, file_error(400, "Bad Request: file is too big"));
        assert_eq!(FileError::NotFound, file_error(400, "Bad Request: invalid file_id"));
        assert_eq!(FileError::Credentials, file_error(401, "Unauthorized"));
        assert!(matches!(file_error(500, ""), FileError::Unavailable(_)));
        assert!(matches!(file_error(429, ""), FileError::Unavailable(_)));
    }

    #[test]
    fn nothing_of_a_description_is_in_an_error() {
        for status in [400, 401, 403, 404, 429, 500] {
            let error = error(status, "Bad Request: hidden");
            assert!(!format!("{error:?} {error}").contains("hidden"), "{error:?}");
        }
    }
}
