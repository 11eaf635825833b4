//! One attempt to hand a message to the messaging service.

use crate::immediate_receipt::ImmediateReceipt;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use shared::aws::error_chain;
pub(crate) use shared::delivery::client::TIMEOUT;
use shared::delivery::client::{Client, Post, Refusal};
use shared::delivery::payload::test_body;
use shared::delivery::probe::{ProbeEnvelope, ProbeOutcome};
use shared::http_client::{self, retry_after};
use shared::integration::DeliveryConfig;
use shared::model::trace_id::TraceId;
use std::time::Duration;

/// How much of an answer's body is read: docs/messaging-service.md names it.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;

/// Posts to the messaging services of all integrations.
pub(crate) struct MessagingService {
    client: Client,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The messaging service has the message, and may report its outcome at once.
    Accepted(ImmediateReceipt),
    /// It does not want the message, and trying again would not change that.
    Refused(Refusal),
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
        Ok(Self { client: Client::new()? })
    }

    /// Makes a test delivery, once.
    pub(crate) async fn deliver_test(
        &self,
        config: &DeliveryConfig,
        probe: &ProbeEnvelope,
        patience: Duration,
    ) -> ProbeOutcome {
        let (now, id) = (Timestamp::now(), probe.webhook_id());
        let post = Post { id: &id, trace_id: None, body: test_body(&probe.integration, now) };
        let secrets = probe.signed_with.secrets(config);
        match self.client.post_signed(config, secrets, post, now, patience).await {
            Ok(response) => ProbeOutcome::Answered(response.status().as_u16()),
            Err(error) => ProbeOutcome::NotAnswered(error.into()),
        }
    }

    /// Posts `body` as message `id`, signed now and under the platform's trace, and waits for the answer as long as
    /// `patience` or [`TIMEOUT`] lasts.
    pub(crate) async fn deliver(
        &self,
        config: &DeliveryConfig,
        id: &str,
        trace_id: Option<&TraceId>,
        body: Vec<u8>,
        patience: Duration,
    ) -> Attempt {
        let now = Timestamp::now();
        match self.client.post(config, Post { id, trace_id, body }, now, patience).await {
            Ok(response) => {
                let attempt = judge(response.status(), response.headers(), now);
                let headers = response.headers().clone();
                let (body, is_complete) = http_client::read_body_prefix(response, MAXIMUM_ANSWER_BYTES).await;
                match attempt {
                    Attempt::Accepted(_) => Attempt::Accepted(ImmediateReceipt::read(&headers, &body, is_complete)),
                    other => other,
                }
            }
            Err(error) => {
                let cause = if error.is_timeout() {
                    Cause::Timeout
                } else {
                    Cause::Connection(error_chain(&error.without_url()))
                };
                Attempt::Retry { cause, retry_after: None }
            }
        }
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Attempt {
    if status.is_success() {
        return Attempt::Accepted(ImmediateReceipt::None);
    }
    match Refusal::of(status) {
        Some(refusal) => Attempt::Refused(refusal),
        None => Attempt::Retry { cause: Cause::Status(status), retry_after: retry_after(headers, now) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16) -> Attempt {
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_2xx_accepts() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(Attempt::Accepted(ImmediateReceipt::None), judged(status));
        }
    }

    #[test]
    fn nothing_but_400_410_413_and_422_refuses_for_good() {
        for status in (100..=999).filter(|status| !(200..300).contains(status)) {
            let is_final = matches!(judged(status), Attempt::Refused(_));
            assert_eq!([400, 410, 413, 422].contains(&status), is_final, "{status}");
        }
    }
}
