//! Requests that test an address, and what answers them.

use crate::aws::clock::ClockSkew;
use jiff::Timestamp;
use reqwest::header::{self, HeaderMap};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use shared::api::problem::{MEDIA_TYPE, TYPE_PREFIX};
use shared::aws::error_chain;
use shared::http_client::read_body_limited;
use shared::json::fields::media_type_essence;
use std::time::Duration;
use tokio::time::sleep;

/// An integration that does not exist: functions remember for a while what they have read under a name.
pub(crate) const PROBE_INTEGRATION: &str = "patchbay-doctor-probe";

const MAX_BYTES: usize = 64 * 1024;
const RETRY_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum ProbeResponse {
    /// Problem details of a function.
    Problem {
        status: u16,
        /// The slug of its type.
        kind: String,
        clock: Option<ClockSkew>,
    },
    /// API Gateway has no such route.
    NoRoute,
    Other {
        status: u16,
        clock: Option<ClockSkew>,
    },
    NoResponse {
        cause: String,
        connected: bool,
    },
}

/// Sends it, and after a 5xx once more: what a second request does not meet is no fault of the configuration, and alarms
/// count it. Returns with the response when the request was sent that it answers.
pub(crate) async fn send(request: RequestBuilder) -> reqwest::Result<(Timestamp, Response)> {
    let (retry, sent) = (request.try_clone(), Timestamp::now());
    let response = request.send().await?;
    match retry.filter(|_| response.status().is_server_error()) {
        Some(retry) => {
            sleep(RETRY_DELAY).await;
            let sent = Timestamp::now();
            Ok((sent, retry.send().await?))
        }
        None => Ok((sent, response)),
    }
}

impl ProbeResponse {
    pub(crate) async fn send(request: RequestBuilder) -> Self {
        let (sent, response) = match send(request).await {
            Ok(answered) => answered,
            Err(error) => {
                let connected = !error.is_connect() && !error.is_builder();
                return Self::NoResponse { cause: error_chain(&error.without_url()), connected };
            }
        };
        let (status, received) = (response.status().as_u16(), Timestamp::now());
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let clock = date.and_then(|date| ClockSkew::of("the API's", sent, received, date));
        let is_problem = is_problem(response.headers());
        let body = read_body_limited(response, MAX_BYTES).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type").strip_prefix(TYPE_PREFIX) {
            Some(kind) if is_problem => Self::Problem { status, kind: kind.to_owned(), clock },
            _ if status == 404 && text("message") == "Not Found" => Self::NoRoute,
            _ => Self::Other { status, clock },
        }
    }

    pub(crate) fn clock(&self) -> Option<ClockSkew> {
        match self {
            Self::Problem { clock, .. } | Self::Other { clock, .. } => *clock,
            Self::NoRoute | Self::NoResponse { .. } => None,
        }
    }

    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Problem { status, kind, .. } => format!("status {status}, {kind}"),
            Self::NoRoute => "API Gateway has no such route".to_owned(),
            Self::Other { status, .. } => format!("status {status}"),
            Self::NoResponse { cause, .. } => format!("no response: {cause}"),
        }
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok());
    media_type.and_then(media_type_essence).is_some_and(|essence| essence == MEDIA_TYPE)
}
