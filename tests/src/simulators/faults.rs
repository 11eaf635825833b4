//! How things are to go wrong on a simulated platform.

use axum::http::StatusCode;
use axum::response::Response;
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
    /// It answers 200 with this code of an error in the body, and does nothing.
    Code(i64),
    /// It wants fewer calls, and says for how many seconds.
    RateLimited(u64),
    /// It takes so long.
    Slow(Duration),
    /// It closes the connection, and does nothing; of an upload, half-way through the body.
    Reset,
    /// It does what is asked, and closes the connection.
    AnswerLost,
}

/// A platform's own words for what it does not do.
pub(crate) trait Words {
    /// Whoever calls is not known.
    fn bad_credentials() -> Response;

    /// Fewer calls are wanted for so many seconds.
    fn rate_limited(seconds: u64) -> Response;

    /// It answers with this status.
    fn status(status: StatusCode) -> Response;

    /// It answers 200 with the code of an error, where it knows such an answer.
    fn code(code: i64) -> Response {
        panic!("the platform has no code {code} in a 200")
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Closed;

impl Closed {
    /// Closes it: the server drops a connection whose handler unwinds.
    pub(crate) fn close(self) -> Response {
        resume_unwind(Box::new("the connection is closed without an answer"))
    }
}

impl Fault {
    /// What becomes of an answer.
    pub(crate) async fn befall<W: Words>(
        fault: Option<Self>,
        answer: impl FnOnce() -> Response,
    ) -> Result<Response, Closed> {
        match fault {
            None => Ok(answer()),
            Some(Self::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(answer())
            }
            Some(Self::TokenRevoked) => Ok(W::bad_credentials()),
            Some(Self::RateLimited(seconds)) => Ok(W::rate_limited(seconds)),
            Some(Self::Status(status)) => Ok(W::status(StatusCode::from_u16(status).expect("a status"))),
            Some(Self::Code(code)) => Ok(W::code(code)),
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
pub(crate) enum Target {
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
pub(crate) struct Faults(Mutex<HashMap<Target, VecDeque<Fault>>>);

impl Faults {
    pub(crate) fn plan(&self, target: Target, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().expect("no panic").entry(target).or_default().extend(faults);
    }

    /// What befalls the next request of this kind.
    pub(crate) fn next(&self, target: &Target) -> Option<Fault> {
        self.0.lock().expect("no panic").get_mut(target)?.pop_front()
    }

    /// What befalls the next call of an operation: its own faults come before those for any call.
    pub(crate) fn next_call(&self, operation: &str) -> Option<Fault> {
        self.next(&Target::Operation(operation.to_owned())).or_else(|| self.next(&Target::AnyCall))
    }
}
