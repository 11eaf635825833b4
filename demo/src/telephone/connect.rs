//! Connects customers' telephones to a platform.

use super::Telephone;
use serde_json::Value;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::GenesysCloud;

impl Telephone {
    /// Creates an integration with this name, and this id on the platform, whose channel is the telephones' provider, as
    /// `patchbay integration add --channel` does. The platform and the provider post to it from now on.
    pub async fn connect(&self, stack: &Stack, platform: &GenesysCloud, name: &str, id: &str) -> TestIntegration {
        let configure = |configuration: &mut Value| {
            platform.host(configuration);
            stack.set_channel(configuration, self.provider.configuration(&stack.api_url));
        };
        let integration = stack.integration_named(name, id, "", configure).await;
        platform.add_integration(id, &integration.webhook_url(), WEBHOOK_SECRET);
        platform.allow_everything(id);
        platform.connect(integration.webhook_url(), WEBHOOK_SECRET, id);
        self.provider.connect(&integration.route_url("channel"));
        integration
    }
}
