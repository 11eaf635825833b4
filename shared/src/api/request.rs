//! A request as API Gateway hands it over.

use crate::aws::OPERATION_TIMEOUT;
use crate::digest::Digest;
use http::HeaderMap;
use jiff::Timestamp;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::{Request, RequestExt};
use std::time::Duration;
use tokio::time::Instant;

/// How long a request may take where nobody tells.
const WITHOUT_A_DEADLINE: Duration = Duration::from_secs(20);

/// The path that was called.
#[derive(Debug, Clone, Default)]
pub struct Path {
    path: String,
    parameters: QueryMap,
}

impl Path {
    /// The part of the path that the route calls `name`, not checked yet; empty where the route has none of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.first(name).unwrap_or_default()
    }

    /// Stands for what the path names.
    #[must_use]
    pub fn identity(&self) -> Digest {
        let mut named: Vec<_> = self.parameters.iter().collect();
        named.sort_unstable();
        Digest::of_parts(&named.into_iter().flat_map(|(name, value)| [name, value]).collect::<Vec<_>>())
    }

    /// The last part of the path, by which a function with several routes tells them apart.
    #[must_use]
    pub fn last_segment(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// What every route needs of a request.
#[derive(Debug)]
pub struct Incoming {
    /// Lambda's id of this invocation, for the log and for the answer.
    pub request_id: String,
    /// The path that was called.
    pub path: Path,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent: what API Gateway hands over in base64 is decoded.
    pub body: Vec<u8>,
    /// When it came.
    pub came_at: Instant,
    /// When the invocation ends.
    pub ends_at: Timestamp,
}

impl From<Request> for Incoming {
    fn from(request: Request) -> Self {
        let context = request.lambda_context_ref();
        let now = Timestamp::now();
        let told = context.and_then(|context| Timestamp::from_millisecond(i64::try_from(context.deadline).ok()?).ok());
        let path = Path {
            path: request.raw_http_path().to_owned(),
            parameters: request.path_parameters_ref().cloned().unwrap_or_default(),
        };
        Self {
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            path,
            came_at: Instant::now(),
            // `cargo lambda watch` tells no time, but a number: no invocation begins after its end.
            ends_at: told.filter(|told| *told > now).unwrap_or(now + WITHOUT_A_DEADLINE),
            headers: request.headers().clone(),
            body: request.into_body().to_vec(),
        }
    }
}

impl Incoming {
    /// When work on the request has to be over, so that there is time for two writes to the ledger and to answer.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let left: Duration = self.ends_at.duration_since(Timestamp::now()).try_into().unwrap_or_default();
        Instant::now() + left.saturating_sub(OPERATION_TIMEOUT * 2 + Duration::from_secs(1))
    }
}
