//! What the receivers of signed requests, from platforms and from the providers of channels, have in common.

use super::problem::{Problem, ProblemType};
use super::request::ApiRequest;
use crate::delivery::queue::SendError;
use crate::limits::bounded;
use crate::observability::emf::Emf;
use crate::observability::metrics::Event;
use http::Response;

/// The answer to a request that was not accepted, with its line in the log.
#[must_use]
pub fn refused(request: &ApiRequest, problem: Problem) -> Response<String> {
    tracing::warn!(
        emf = %Emf::of([Event::Refused(problem.problem_type.as_str())]),
        outcome = "refused",
        reason = problem.problem_type.as_str(),
        detail = &*bounded(&problem.detail()),
        status = problem.status().as_u16(),
        milliseconds = request.received_at.elapsed().as_millis() as u64,
    );
    problem.into_response(&request.request_id)
}

/// The problem of a message that was not queued.
#[must_use]
pub fn not_stored(error: &SendError) -> Problem {
    match error {
        SendError::TooLarge => Problem::new(ProblemType::BodyTooLarge, "The message is too large for the queue."),
        SendError::Serialization(_) | SendError::Unavailable(_) => {
            tracing::error!(reason = %error, "the message could not be stored");
            Problem::unavailable("The message could not be stored.")
        }
    }
}
