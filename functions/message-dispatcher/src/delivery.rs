//! One attempt to hand a message to the messaging service.

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use shared::aws::chain;
use shared::integration::DeliveryConfig;
use shared::outbound;
use shared::signature::standard_webhooks::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use std::time::Duration;

/// How long one attempt may take, connection and answer included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer's body is read, so that its connection can be used again.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;

/// The longest `Retry-After` that can be honoured: the queue holds a message back for twelve hours at most.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(11 * 3600);

/// Posts to the messaging services of all integrations.
pub(crate) struct MessagingService {
    client: reqwest::Client,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The messaging service has the message.
    Accepted,
    /// It does not want the message, and trying again would not change that.
    Refused(StatusCode),
    /// It may take the message later.
    Retry {
        /// What went wrong.
        cause: Cause,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
}

/// What went wrong with an attempt that is worth repeating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It answered, and not with success.
    Status(StatusCode),
    /// It did not answer in time.
    Timeout,
    /// The body could not be written.
    Unwritable,
    /// There was no connection, or it broke: how.
    Connection(String),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status {}", status.as_u16()),
            Self::Unwritable => formatter.write_str("body not writable"),
            Self::Timeout => formatter.write_str("time-out"),
            Self::Connection(how) => formatter.write_str(how),
        }
    }
}

impl MessagingService {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { client: outbound::client(TIMEOUT)? })
    }

    /// Posts `body` as message `id`, signed now, and waits for the answer as long as `patience` or [`TIMEOUT`] lasts.
    pub(crate) async fn deliver(
        &self,
        config: &DeliveryConfig,
        id: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Attempt {
        let now = Timestamp::now();
        let request = self
            .client
            .post(config.url.url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(WEBHOOK_ID, id)
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_SIGNATURE, sign(&config.signing_secrets, id, now, &body))
            .timeout(patience.min(TIMEOUT))
            .body(body);
        match request.send().await {
            Ok(response) => {
                let attempt = judge(response.status(), response.headers(), now);
                drain(response).await;
                attempt
            }
            Err(error) => {
                let cause =
                    if error.is_timeout() { Cause::Timeout } else { Cause::Connection(chain(&error.without_url())) };
                Attempt::Retry { cause, retry_after: None }
            }
        }
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Attempt {
    let worth_repeating =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_success() {
        Attempt::Accepted
    } else if status.is_client_error() && !worth_repeating {
        Attempt::Refused(status)
    } else {
        Attempt::Retry { cause: Cause::Status(status), retry_after: retry_after(headers, now) }
    }
}

/// The wait that a `Retry-After` header asks for, in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => Duration::MAX,
        Err(_) => {
            let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
            date.duration_since(now).try_into().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

async fn drain(mut response: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MAXIMUM_ANSWER_BYTES {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn judged(status: u16) -> Attempt {
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_2xx_accepts() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(Attempt::Accepted, judged(status));
        }
    }

    #[test]
    fn a_4xx_refuses_for_good_but_for_408_425_and_429() {
        for status in [400, 401, 403, 404, 409, 410, 413, 422, 499] {
            assert!(matches!(judged(status), Attempt::Refused(_)), "{status}");
        }
        for status in [408, 425, 429] {
            assert!(matches!(judged(status), Attempt::Retry { .. }), "{status}");
        }
    }

    #[test]
    fn anything_else_is_worth_repeating_redirects_included() {
        for status in [300, 302, 307, 308, 500, 501, 502, 503, 504, 599, 700] {
            assert!(matches!(judged(status), Attempt::Retry { .. }), "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
            ("Fri, 02 Jan 2026 03:00:00 GMT", Some(0)),
            ("99999999", Some(11 * 3600)),
            ("99999999999999999999999", Some(11 * 3600)),
            ("soon", None),
            ("", None),
            ("-5", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(seconds.map(Duration::from_secs), retry_after(&headers, now), "{value}");
        }
    }
}
