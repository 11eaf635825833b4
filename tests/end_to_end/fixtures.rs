//! Integrations with a simulated platform or messaging service.

use serde_json::Value;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::messaging_service::MessagingService;
use uuid::Uuid;

/// The stack, a platform, and an integration that connects them, with typing and every media type. It has no messaging
/// service.
pub(crate) struct WithPlatform {
    pub(crate) stack: Stack,
    pub(crate) platform: GenesysCloud,
    pub(crate) integration: TestIntegration,
}

impl WithPlatform {
    pub(crate) async fn start() -> Self {
        Self::delivering_to("http://127.0.0.1:9/", |_| {}).await
    }

    pub(crate) async fn delivering_to(url: &str, change: impl FnOnce(&mut Value)) -> Self {
        let id = Uuid::new_v4().to_string();
        Self::named(&format!("test-{id}"), &id, url, change).await
    }

    /// With this name, and this id on the platform.
    pub(crate) async fn named(name: &str, id: &str, url: &str, change: impl FnOnce(&mut Value)) -> Self {
        let stack = Stack::connect().await;
        let platform = GenesysCloud::start().await;
        let configured = |configuration: &mut Value| {
            platform.host(configuration);
            change(configuration);
        };
        let integration = stack.integration_named(name, id, url, configured).await;
        platform.add_integration(id, &integration.webhook_url(), WEBHOOK_SECRET);
        platform.allow_everything(id);
        Self { stack, platform, integration }
    }

    /// Its initial configuration.
    pub(crate) fn configuration(&self) -> Value {
        let mut configuration = self.integration.configuration("http://127.0.0.1:9/");
        self.platform.host(&mut configuration);
        configuration
    }
}

/// The stack, a messaging service, and an integration that delivers to it. It has no platform.
pub(crate) struct WithService {
    pub(crate) stack: Stack,
    pub(crate) service: MessagingService,
    pub(crate) integration: TestIntegration,
}

impl WithService {
    pub(crate) async fn start() -> Self {
        let stack = Stack::connect().await;
        let service = MessagingService::start().await;
        let integration = stack.integration(&service.url, |_| {}).await;
        Self { stack, service, integration }
    }
}
