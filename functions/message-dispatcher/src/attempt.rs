//! One attempt to deliver a message to the messaging service.

use crate::circuits::Answer;
use crate::failure::Failure;
use crate::immediate_receipt::ImmediateReceipt;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use shared::delivery::client::{MessagingServiceClient, NoAnswer, Refusal, WebhookRequest};
use shared::http_client::{self, retry_after};
use shared::integration::DeliveryConfig;
use shared::model::receipt::ReasonCode;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How much of a response's body is read: docs/messaging-service.md names it.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    /// The messaging service has the message. The response may report the outcome.
    Accepted(ImmediateReceipt),
    /// It failed permanently.
    Failed(Failure),
    /// The messaging service or the channel may accept the message later.
    Retry {
        error: AttemptError,
        /// The delay that it asked for.
        retry_after: Option<Duration>,
    },
}

/// Why an attempt is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttemptError {
    Status(StatusCode),
    Timeout,
    Serialization,
    /// There was no connection, or it broke.
    Connection(NoAnswer),
    /// The channel did not take the message, or not all of its parts.
    Channel(String),
    /// The channel did not take it because of its limits.
    RateLimited(String),
    /// The channel did not accept the credentials.
    Credentials(String),
}

impl AttemptError {
    /// The messaging service's response, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Why a message fails of which this was the last attempt.
    pub(crate) fn reason_code(&self) -> ReasonCode {
        match self {
            Self::RateLimited(_) => ReasonCode::RateLimited,
            Self::Credentials(_) => ReasonCode::GeneralError,
            _ => ReasonCode::MessageExpired,
        }
    }
}

impl AttemptResult {
    const TIMEOUT: Self = Self::Retry { error: AttemptError::Timeout, retry_after: None };
    pub(crate) const NOT_SERIALIZED: Self = Self::Retry { error: AttemptError::Serialization, retry_after: None };
}

impl fmt::Display for AttemptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status {}", status.as_u16()),
            Self::Timeout => formatter.write_str("timeout"),
            Self::Serialization => formatter.write_str("the body cannot be serialized"),
            Self::Connection(why) => formatter.write_str(why.as_str()),
            Self::Channel(error) | Self::RateLimited(error) | Self::Credentials(error) => formatter.write_str(error),
        }
    }
}

/// Posts a message and reads the response. A response whose body does not end in time counts, but so does the time.
pub(crate) async fn attempt(
    client: &MessagingServiceClient,
    config: &DeliveryConfig,
    request: WebhookRequest<'_>,
    timeout: Duration,
) -> (AttemptResult, Answer) {
    let (now, started_at) = (Timestamp::now(), Instant::now());
    let response = match client.post(config, request, now, timeout).await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return (AttemptResult::TIMEOUT, Answer::TimedOut),
        Err(error) => {
            let error = AttemptError::Connection(error.into());
            return (AttemptResult::Retry { error, retry_after: None }, Answer::Prompt);
        }
    };
    let result = classify(response.status(), response.headers(), now);
    let headers = response.headers().clone();
    let (body, is_complete) = http_client::read_body_prefix(response, MAX_RESPONSE_BYTES).await;
    let answer = if !is_complete && started_at.elapsed() >= timeout { Answer::TimedOut } else { Answer::Prompt };
    let result = match result {
        AttemptResult::Accepted(_) => AttemptResult::Accepted(ImmediateReceipt::read(&headers, &body, is_complete)),
        other => other,
    };
    (result, answer)
}

/// What a status means.
fn classify(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> AttemptResult {
    if status.is_success() {
        return AttemptResult::Accepted(ImmediateReceipt::None);
    }
    match Refusal::from_status(status) {
        Some(refusal) => AttemptResult::Failed(Failure::Refused(refusal)),
        None => AttemptResult::Retry { error: AttemptError::Status(status), retry_after: retry_after(headers, now) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status: u16) -> AttemptResult {
        classify(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_2xx_accepts() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(AttemptResult::Accepted(ImmediateReceipt::None), classified(status));
        }
    }

    #[test]
    fn only_400_410_413_and_422_refuse_permanently() {
        for status in (100..=999).filter(|status| !(200..300).contains(status)) {
            let is_final = matches!(classified(status), AttemptResult::Failed(_));
            assert_eq!([400, 410, 413, 422].contains(&status), is_final, "{status}");
        }
    }

    #[test]
    fn a_message_that_a_channel_limited_until_the_end_failed_for_that_reason() {
        assert_eq!(ReasonCode::RateLimited, AttemptError::RateLimited(String::new()).reason_code());
        assert_eq!(ReasonCode::GeneralError, AttemptError::Credentials(String::new()).reason_code());
        assert_eq!(ReasonCode::MessageExpired, AttemptError::Channel(String::new()).reason_code());
    }
}
