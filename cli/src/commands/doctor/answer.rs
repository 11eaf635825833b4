//! What the API answers.

use crate::clock::Deviation;
use jiff::Timestamp;
use reqwest::header;
use serde_json::Value;
use shared::api::problem::TYPE_PREFIX;
use shared::aws::error_chain;
use shared::http_client::read_body_limited;

/// The largest answer that is read.
const MAXIMUM_BYTES: usize = 64 * 1024;

/// One answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// One of our functions' problems.
    Problem {
        status: u16,
        /// The last word of its type.
        kind: String,
        clock: Option<Deviation>,
    },
    /// API Gateway's own: it has no such route.
    Missing,
    /// Anything else.
    Other { status: u16, clock: Option<Deviation> },
    /// There was none.
    None { cause: String, connected: bool },
}

impl Answer {
    /// Sends the request and reads what comes.
    pub(super) async fn to(request: reqwest::RequestBuilder) -> Self {
        let sent = Timestamp::now();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let connected = !error.is_connect() && !error.is_builder();
                return Self::None { cause: error_chain(&error.without_url()), connected };
            }
        };
        let (status, received) = (response.status().as_u16(), Timestamp::now());
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let clock = date.and_then(|date| Deviation::of("the API's", sent, received, date));
        let body = read_body_limited(response, MAXIMUM_BYTES).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type").strip_prefix(TYPE_PREFIX) {
            Some(kind) => Self::Problem { status, kind: kind.to_owned(), clock },
            None if status == 404 && text("message") == "Not Found" => Self::Missing,
            None => Self::Other { status, clock },
        }
    }

    pub(super) fn clock(&self) -> Option<Deviation> {
        match self {
            Self::Problem { clock, .. } | Self::Other { clock, .. } => *clock,
            Self::Missing | Self::None { .. } => None,
        }
    }

    /// What came, in a few words.
    pub(super) fn seen(&self) -> String {
        match self {
            Self::Problem { status, kind, .. } => format!("status {status}, {kind}"),
            Self::Missing => "API Gateway has no such route".to_owned(),
            Self::Other { status, .. } => format!("status {status}"),
            Self::None { cause, .. } => format!("no answer: {cause}"),
        }
    }
}
