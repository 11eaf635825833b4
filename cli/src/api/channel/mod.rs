//! The provider's side of a channel: what is checked and set up there.

pub(crate) mod telegram;
pub(crate) mod twilio;

use crate::api::probe::ProbeResponse;
use shared::channel::ChannelAddress;
use shared::http_client::TIMEOUT;
use shared::model::integration_name::IntegrationName;

/// The address that the provider calls. `None` if the public URL is invalid.
pub(crate) fn address(public_url: &str, integration: &IntegrationName) -> Option<String> {
    let address = ChannelAddress::new(&public_url.parse().ok()?, integration);
    Some(address.as_str().to_owned())
}

/// Asks for a file that does not exist at the address that a provider calls. A Patchbay answers with a problem of its own,
/// and a stranger learns no secret. Without redirects, which providers do not follow either.
pub(crate) async fn probe(http: &reqwest::Client, address: &str) -> ProbeResponse {
    ProbeResponse::send(http.get(format!("{address}/files/x")).timeout(TIMEOUT)).await
}
