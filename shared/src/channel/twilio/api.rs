//! The client of Twilio's API. It knows no idempotency key, so no call is repeated here.

use super::codes;
use super::config::{Config, Credentials};
use super::render::Part;
use crate::channel::error::{NoAnswer, SendError};
use crate::http_client::{HttpClient, TIMEOUT, read_body_prefix, retry_after};
use crate::json::fields::as_whole_number;
use crate::limits::bounded;
use crate::model::receipt::FailureReason;
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const API_VERSION: &str = "2010-04-01";

/// No call starts with less time than this: its outcome would probably be unknown.
const MIN_CALL_TIME: Duration = Duration::from_secs(2);

const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(in crate::channel) struct Client {
    http: HttpClient,
}

impl Client {
    pub(in crate::channel) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(super) fn request(
        &self,
        method: Method,
        url: Url,
        credentials: Option<&Credentials>,
    ) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url);
        match credentials {
            Some(Credentials { user, password }) => request.basic_auth(user, Some(password.expose_secret())),
            None => request,
        }
    }

    pub(in crate::channel) async fn send(
        &self,
        config: &Config,
        part: &Part,
        deadline: Instant,
    ) -> Result<(), SendError> {
        let left = deadline.saturating_duration_since(Instant::now()).min(TIMEOUT);
        if left < MIN_CALL_TIME {
            return Err(SendError::NotCalled("no time was left"));
        }
        let url = config.account_url(&["Messages.json"]).ok_or(SendError::Configuration { code: None })?;
        let request = self.request(Method::POST, url, Some(&config.credentials)).form(&part.0).timeout(left);
        let response = self.http.send(request).await.map_err(|error| NoAnswer::from(&error))?;
        let status = response.status();
        let wait = retry_after(response.headers(), Timestamp::now());
        let (body, _) = read_body_prefix(response, MAX_ANSWER_BYTES).await;
        if status.is_success() { accepted(&body) } else { Err(classify(status, wait, &body)) }
    }
}

impl Config {
    /// The URL of a path below the account.
    pub(super) fn account_url(&self, path: &[&str]) -> Option<Url> {
        let mut url = self.api_base_url.url().clone();
        let account = [API_VERSION, "Accounts", self.account_sid.as_str()];
        url.path_segments_mut().ok()?.pop_if_empty().extend(account).extend(path);
        Some(url)
    }
}

/// A success names the message. Anything else is not Twilio's answer.
fn accepted(body: &[u8]) -> Result<(), SendError> {
    #[derive(Deserialize)]
    struct Message {
        sid: String,
    }
    match serde_json::from_slice(body) {
        Ok(Message { sid }) => {
            tracing::debug!(outcome = "channel_called", channel = "twilio", sid = &*bounded(&sid));
            Ok(())
        }
        Err(_) => {
            let cause = "the answer cannot be read".to_owned();
            Err(SendError::OutcomeUnknown { cause, timed_out: false })
        }
    }
}

/// Classifies an answer that is not a success. The status and the code decide, never the text, which the vendor may change.
fn classify(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> SendError {
    let code = error_code(body);
    let shown = code.map(|code| code.to_string());
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => unknown(status),
        _ if status.is_server_error() => unknown(status),
        StatusCode::TOO_MANY_REQUESTS => SendError::RateLimited { retry_after },
        _ if code.is_some_and(codes::is_temporary) => SendError::RateLimited { retry_after },
        StatusCode::UNAUTHORIZED => SendError::Configuration { code: shown },
        // The API never redirects: the base URL is another server's.
        _ if status.is_redirection() || code.is_some_and(codes::is_credentials) => {
            SendError::Configuration { code: shown }
        }
        _ => {
            let FailureReason { code: reason, message } = codes::failure(code);
            let code = shown.or_else(|| Some(format!("http-{}", status.as_u16())));
            SendError::Refused { reason, code, message }
        }
    }
}

fn unknown(status: StatusCode) -> SendError {
    let timed_out = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT);
    SendError::OutcomeUnknown { cause: format!("it answered with status {}", status.as_u16()), timed_out }
}

/// The code of an error, in the form of old and of new APIs.
pub(super) fn error_code(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct ErrorBody {
        code: Value,
    }
    let ErrorBody { code } = serde_json::from_slice(body).ok()?;
    let number = as_whole_number(&code).or_else(|| code.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::twilio::tests::config;
    use crate::model::receipt::ReasonCode;
    use serde_json::json;

    fn classified(status: u16, body: &str) -> SendError {
        classify(StatusCode::from_u16(status).unwrap(), Some(Duration::from_secs(7)), body.as_bytes())
    }

    fn refused(reason: ReasonCode, code: &str, message: &str) -> SendError {
        SendError::Refused { reason, code: Some(code.to_owned()), message: message.to_owned() }
    }

    #[test]
    fn a_refusal_has_the_reason_of_its_code() {
        for body in [r#"{"code":21610,"message":"hidden","status":400}"#, r#"{"code":"21610","title":"hidden"}"#] {
            let expected = refused(ReasonCode::RecipientOptedOut, "21610", "The customer has opted out (STOP).");
            assert_eq!(expected, classified(400, body));
        }
        let general = |code: &str| refused(ReasonCode::GeneralError, code, "The message could not be delivered.");
        assert_eq!(general("99999"), classified(400, r#"{"code":99999}"#));
        for body in ["", "<html>", "[]", r#"{"code":null}"#, r#"{"code":-1}"#, r#"{"code":"hidden"}"#] {
            assert_eq!(general("http-403"), classified(403, body), "{body}");
        }
    }

    #[test]
    fn a_wrong_sender_is_refused_and_not_retried() {
        let message = "The sender is not set up correctly at Twilio.";
        for code in [20404, 21606, 21704] {
            let expected = refused(ReasonCode::GeneralError, &code.to_string(), message);
            assert_eq!(expected, classified(400, &json!({"code": code}).to_string()));
        }
    }

    #[test]
    fn refused_credentials_and_a_wrong_base_are_for_the_operator() {
        let configuration = |code: Option<&str>| SendError::Configuration { code: code.map(str::to_owned) };
        assert_eq!(configuration(Some("20003")), classified(401, r#"{"code":20003}"#));
        assert_eq!(configuration(Some("20003")), classified(403, r#"{"code":20003}"#));
        assert_eq!(configuration(Some("20403")), classified(403, r#"{"code":20403}"#));
        assert_eq!(configuration(None), classified(401, ""));
        assert_eq!(configuration(None), classified(302, ""));
    }

    #[test]
    fn limits_are_waited_for() {
        let limited = SendError::RateLimited { retry_after: Some(Duration::from_secs(7)) };
        for (status, body) in
            [(429, ""), (429, r#"{"code":20429}"#), (400, r#"{"code":21611}"#), (400, r#"{"code":63038}"#)]
        {
            assert_eq!(limited, classified(status, body), "{status} {body}");
        }
    }

    #[test]
    fn a_failure_at_twilio_leaves_the_outcome_unknown_whatever_its_code() {
        for (status, expected) in [(408, true), (425, false), (500, false), (501, false), (503, false), (504, true)] {
            let SendError::OutcomeUnknown { cause, timed_out } = classified(status, r#"{"code":20003}"#) else {
                panic!("{status}")
            };
            assert_eq!((expected, format!("it answered with status {status}")), (timed_out, cause));
        }
    }

    #[test]
    fn only_an_answer_that_names_the_message_is_twilios() {
        assert_eq!(Ok(()), accepted(br#"{"sid":"SM1","status":"queued","new":{}}"#));
        for body in ["", "<html>", "{}", r#"{"sid":null}"#] {
            let outcome = accepted(body.as_bytes());
            assert!(matches!(outcome, Err(SendError::OutcomeUnknown { timed_out: false, .. })), "{body}");
        }
    }

    #[test]
    fn the_path_of_the_base_is_kept() {
        for base in ["https://gateway.example.com/sms", "https://gateway.example.com/sms/"] {
            let url = config(json!({"apiBaseUrl": base})).account_url(&["Messages.json"]).unwrap();
            let expected =
                "https://gateway.example.com/sms/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json";
            assert_eq!(expected, url.as_str());
        }
    }

    #[tokio::test]
    async fn what_never_reached_twilio_was_not_sent() {
        let http = HttpClient::new(&crate::http_client::TrustedRoots::CompiledIn).unwrap();
        let client = Client::new(http);
        let config = config(json!({"apiBaseUrl": "http://127.0.0.1:9"}));
        let part = Part(vec![("To", "+15005550010".to_owned())]);
        let send = async |left| client.send(&config, &part, Instant::now() + Duration::from_secs(left)).await;
        assert_eq!(Err(SendError::NotReached { cause: "no connection", timed_out: false }), send(10).await);
        assert_eq!(Err(SendError::NotCalled("no time was left")), send(1).await);
    }
}
