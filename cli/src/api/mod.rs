pub(crate) mod channel;
pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod probe;
pub(crate) mod response;
pub(crate) mod token_problem;
pub(crate) mod trial_request;
pub(crate) mod webhook_url;

use crate::error::CliError;
use shared::http_client::{HttpClient, TrustedRoots};

/// The HTTP client for the platforms' APIs. Like the operator's other tools, it trusts the system's certificate roots.
pub(crate) fn platform_http() -> Result<HttpClient, CliError> {
    HttpClient::new(&TrustedRoots::System).map_err(|error| CliError::Failed(error.to_string()))
}
