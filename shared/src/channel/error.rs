//! Why a message was not sent, or a customer's file not read.

use crate::model::receipt::ReasonCode;
use std::time::Duration;

/// Why a part of a message was not sent. No variant holds text, an address or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The provider permanently refused it.
    #[error("the channel refused the message{}", with_code(code))]
    Refused {
        reason: ReasonCode,
        /// The provider's code, or a word for its answer.
        code: Option<String>,
        /// The sentence that the agent sees.
        message: String,
    },
    /// The provider did not accept the credentials, or the sender is not set up: an operator can fix that.
    #[error("the channel refused the credentials or the sender{}", with_code(code))]
    Configuration { code: Option<String> },
    /// The provider did nothing because of its limits.
    #[error("the channel limits the rate")]
    RateLimited { retry_after: Option<Duration> },
    /// Nothing reached the provider.
    #[error("the channel could not be reached: {cause}")]
    NotReached { cause: &'static str, timed_out: bool },
    /// No call was made.
    #[error("no call was made to the channel: {0}")]
    NotCalled(&'static str),
    /// The provider may have sent it. It knows no idempotency key, so it must not be sent again.
    #[error("the channel may have sent the message: {cause}")]
    OutcomeUnknown { cause: String, timed_out: bool },
}

fn with_code(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default()
}

/// Why a call has no answer. The HTTP client's error names the URL, which may hold a token, so it goes no further.
pub(super) struct NoAnswer {
    pub(super) cause: &'static str,
    pub(super) timed_out: bool,
    /// Whether the provider may have got the call.
    pub(super) may_be_sent: bool,
}

impl From<&reqwest::Error> for NoAnswer {
    fn from(error: &reqwest::Error) -> Self {
        let timed_out = error.is_timeout();
        let (cause, may_be_sent) = match (error.is_builder(), error.is_connect(), timed_out) {
            (true, _, _) => ("the request cannot be built", false),
            (_, true, true) => ("no connection in time", false),
            (_, true, false) => ("no connection", false),
            (_, _, true) => ("no answer in time", true),
            _ => ("the connection broke", true),
        };
        Self { cause, timed_out, may_be_sent }
    }
}

impl From<NoAnswer> for SendError {
    fn from(NoAnswer { cause, timed_out, may_be_sent }: NoAnswer) -> Self {
        if may_be_sent {
            Self::OutcomeUnknown { cause: cause.to_owned(), timed_out }
        } else {
            Self::NotReached { cause, timed_out }
        }
    }
}

/// Why a customer's file cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file is larger than {maximum} bytes")]
    TooLarge { maximum: u64 },
    /// The provider no longer has it, or does not know it.
    #[error("the channel does not have the file")]
    NotFound,
    #[error("the channel refused the credentials")]
    Credentials,
    #[error("the channel is unavailable: {0}")]
    Unavailable(String),
}
