//! How things are to go wrong.

use super::answers::Refusal;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::time::Duration;

/// How a call is to go wrong.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The token is no longer good.
    TokenRevoked,
    /// It answers with this status, and does nothing.
    Status(u16),
    /// It wants fewer calls, and says for how many seconds.
    RateLimited(u64),
    /// It takes so long.
    Slow(Duration),
    /// It closes the connection, and does nothing; of an upload, half-way through the body.
    Reset,
    /// It does what is asked, and closes the connection.
    AnswerLost,
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(super) struct Closed;

impl Closed {
    /// Closes it: the server drops a connection whose handler unwinds.
    pub(super) fn close(self) -> Response {
        resume_unwind(Box::new("the connection is closed without an answer"))
    }
}

impl Fault {
    /// What becomes of an answer.
    pub(super) async fn befall(fault: Option<Self>, answer: impl FnOnce() -> Response) -> Result<Response, Closed> {
        match fault {
            None => Ok(answer()),
            Some(Self::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(answer())
            }
            Some(Self::TokenRevoked) => Ok(Refusal::bad_credentials().into_response()),
            Some(Self::RateLimited(seconds)) => Ok(Refusal::rate_limited(seconds).into_response()),
            Some(Self::Status(status)) => {
                let status = StatusCode::from_u16(status).expect("a status");
                Ok(Refusal::new(status, "simulated", "This is simulated.").into_response())
            }
            Some(Self::Reset) => Err(Closed),
            Some(Self::AnswerLost) => {
                answer();
                Err(Closed)
            }
        }
    }
}

/// Whom the next faults befall.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Requests for a token.
    Tokens,
    /// API calls, whichever they are.
    AnyCall,
    /// Calls of one operation.
    Operation(String),
    /// Uploads of bytes.
    Uploads,
}

/// The faults still to come.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<HashMap<Target, VecDeque<Fault>>>);

impl Faults {
    pub(super) fn plan(&self, target: Target, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().expect("no panic").entry(target).or_default().extend(faults);
    }

    /// What befalls the next request of this kind.
    pub(super) fn next(&self, target: &Target) -> Option<Fault> {
        self.0.lock().expect("no panic").get_mut(target)?.pop_front()
    }

    /// What befalls the next call of an operation: its own faults come before those for any call.
    pub(super) fn next_call(&self, operation: &str) -> Option<Fault> {
        self.next(&Target::Operation(operation.to_owned())).or_else(|| self.next(&Target::AnyCall))
    }
}
