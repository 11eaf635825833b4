//! Injects faults into a simulated platform.

use axum::http::StatusCode;
use axum::response::Response;
use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::time::Duration;

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The token is no longer valid.
    TokenRevoked,
    /// Responds with this status without doing the work.
    Status(u16),
    /// Responds with this error code of the platform in the body, without doing the work.
    Code(i64),
    /// Responds with this error text of the platform, without doing the work.
    Text(&'static str),
    /// Responds that the rate limit is reached, with this many seconds until the next call.
    RateLimited(u64),
    /// Delays the response.
    Slow(Duration),
    /// Closes the connection without doing the work. During an upload, in the middle of the body.
    Reset,
    /// Does the work and closes the connection without a response.
    ResponseLost,
    /// Does the work and delays the response.
    ResponseSlow(Duration),
    /// Does the work and responds with this status.
    StatusAfterwards(u16),
}

/// The error responses of a platform.
pub(crate) trait PlatformErrors {
    fn bad_credentials() -> Response;

    fn rate_limited(seconds: u64) -> Response;

    fn status(status: StatusCode) -> Response;

    /// The response with an error code, if the platform has codes.
    fn code(code: i64) -> Response {
        panic!("the platform has no code {code}")
    }

    /// The response with an error text, if texts tell the platform's errors apart.
    fn text(text: &str) -> Response {
        panic!("the platform has no error text {text}")
    }
}

/// The connection is closed without a response.
#[derive(Debug)]
pub(crate) struct ConnectionReset;

impl ConnectionReset {
    /// Closes it: the server drops a connection whose handler unwinds.
    pub(crate) fn close(self) -> Response {
        resume_unwind(Box::new("the connection is closed without an answer"))
    }
}

impl Fault {
    /// Applies a fault to a call.
    pub(crate) async fn inject<W: PlatformErrors>(
        fault: Option<Self>,
        answer: impl Future<Output = Response>,
    ) -> Result<Response, ConnectionReset> {
        match fault {
            None => Ok(answer.await),
            Some(Self::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(answer.await)
            }
            Some(Self::TokenRevoked) => Ok(W::bad_credentials()),
            Some(Self::RateLimited(seconds)) => Ok(W::rate_limited(seconds)),
            Some(Self::Status(status)) => Ok(W::status(StatusCode::from_u16(status).expect("a status"))),
            Some(Self::Code(code)) => Ok(W::code(code)),
            Some(Self::Text(text)) => Ok(W::text(text)),
            Some(Self::Reset) => Err(ConnectionReset),
            Some(Self::ResponseLost) => {
                answer.await;
                Err(ConnectionReset)
            }
            Some(Self::ResponseSlow(delay)) => {
                let answer = answer.await;
                tokio::time::sleep(delay).await;
                Ok(answer)
            }
            Some(Self::StatusAfterwards(status)) => {
                answer.await;
                Ok(W::status(StatusCode::from_u16(status).expect("a status")))
            }
        }
    }
}

/// The requests that a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Tokens,
    AnyCall,
    Operation(String),
    Uploads,
}

/// The faults that are still to be injected.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<Target, VecDeque<Fault>>>);

impl Faults {
    pub(crate) fn plan(&self, target: Target, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().expect("no panic").entry(target).or_default().extend(faults);
    }

    /// Injects no more of the faults that were planned for this kind.
    pub(crate) fn cancel(&self, target: &Target) {
        self.0.lock().expect("no panic").remove(target);
    }

    /// The fault of the next request of this kind.
    pub(crate) fn next(&self, target: &Target) -> Option<Fault> {
        self.0.lock().expect("no panic").get_mut(target)?.pop_front()
    }

    /// The fault of the next call of an operation. Faults of one operation come before faults of any call.
    pub(crate) fn next_call(&self, operation: &str) -> Option<Fault> {
        self.next(&Target::Operation(operation.to_owned())).or_else(|| self.next(&Target::AnyCall))
    }
}
