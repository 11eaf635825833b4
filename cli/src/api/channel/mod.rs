//! The provider's side of a channel: what is checked and set up there.

pub(crate) mod telegram;
pub(crate) mod twilio;

use shared::channel::ChannelAddress;
use shared::model::integration_name::IntegrationName;

/// The address that the provider calls. `None` if the public URL is invalid.
pub(crate) fn address(public_url: &str, integration: &IntegrationName) -> Option<String> {
    let address = ChannelAddress::new(&public_url.parse().ok()?, integration);
    Some(address.as_str().to_owned())
}
