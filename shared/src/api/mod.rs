//! The caller API: how a request of the company's systems is authenticated, executed once, and answered.
//!
//! The order is: the integration, the body's size, the caller, and only then the rest of the request. A request with an
//! idempotency key takes a lease in the ledger (the idempotency store, in DynamoDB) before anything is sent. A request whose
//! outcome is unknown is never retried automatically.

mod access_log;
pub mod auth;
mod context;
mod endpoint;
mod idempotency;
mod prefer;
pub mod problem;
pub mod receiver;
pub mod request;
mod response;

pub use context::{AcceptedRequest, Deferred, RequestContext, RetrySafety};
pub use endpoint::{Endpoint, route_not_found, serve};
pub use idempotency::{Begin, IdempotentOperation, KeyKind, OperationError, ReplayPolicy};
pub use response::Reply;
