//! Why Genesys Cloud issued no token.

use super::platform_http;
use http::Method;
use shared::aws::error_chain;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::config::Config;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The error of a token request, with its host, and with the cause if the host cannot be reached. Functions log only that
/// there was no connection.
pub(crate) async fn token_problem(config: &Config, error: &ApiError) -> String {
    let url = config.region.login_url();
    let origin = url.origin().ascii_serialization();
    let Ok(http) = platform_http() else { return format!("{origin}: {error}") };
    match http.send(http.request(Method::GET, url).timeout(TIMEOUT)).await {
        Ok(_) => format!("{origin}: {error}"),
        Err(cause) => format!("{origin} cannot be reached: {}", error_chain(&cause.without_url())),
    }
}
