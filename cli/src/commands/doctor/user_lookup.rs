//! Whether cards can be sent to users of Genesys Cloud by email address.

use super::report::Finding;
use shared::model::integration_name::IntegrationName;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::Client;
use shared::platform::genesys_cloud::config::Config;
use tokio::time::Instant;

pub(super) const CHECK: &str = "users by email address";

/// An address that no user has: the top-level domain is reserved (RFC 2606).
const ADDRESS: &str = "doctor@patchbay.invalid";

/// One call, which changes nothing.
pub(super) async fn check(client: &Client, config: &Config, name: &IntegrationName, deadline: Instant) -> Finding {
    match client.find_user(config, ADDRESS, deadline).await {
        Ok(_) => Finding::ok("the OAuth client may look users up"),
        Err(ApiError::Refused(error)) if error.status == 403 => Finding::warning(
            "the OAuth client may not look users up: cards to an email address are refused",
            format!(
                "give its role directory:user:view, or name users by userId; without cards to users: `patchbay \
                 integration add {name} --replace --cards-route messaging-service`"
            ),
        ),
        Err(error) => Finding::warning(format!("Genesys Cloud does not answer: {error}"), "run this again in a minute"),
    }
}
