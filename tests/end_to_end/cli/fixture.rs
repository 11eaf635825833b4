//! The starting point of the tests of `patchbay integration`: an unused name, a simulated Genesys Cloud, and a
//! messaging service.

use serde_json::Value;
use tests::harness::command::Command;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;
use uuid::Uuid;

pub(crate) struct Fixture {
    pub(crate) stack: Stack,
    pub(crate) platform: GenesysCloud,
    pub(crate) service: MessagingService,
    pub(crate) name: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let (stack, platform, service) =
            (Stack::connect().await, GenesysCloud::start().await, MessagingService::start().await);
        Self { stack, platform, service, name: format!("test-{}", Uuid::new_v4()) }
    }

    /// `patchbay integration` with JSON output.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.human(arguments).with(&["--json"])
    }

    /// `patchbay integration` with human-readable output.
    pub(crate) fn human(&self, arguments: &[&str]) -> Command {
        Command::new(&["integration"]).with(arguments).env("API_URL", &self.stack.api_url)
    }

    /// `patchbay integration add` with all required options.
    pub(crate) fn add(&self) -> Command {
        self.add_named(&self.name)
    }

    pub(crate) fn add_named(&self, name: &str) -> Command {
        self.adding(self.command(&["add", name]))
    }

    pub(crate) fn human_add(&self) -> Command {
        self.adding(self.human(&["add", &self.name]))
    }

    fn adding(&self, command: Command) -> Command {
        command
            .with(&["--platform", "genesys-cloud", "--domain", &self.platform.url, "--client-id", CLIENT_ID])
            .with(&["--delivery-url", &self.service.url, "--caller", "crm", "--caller", "flows:bearer"])
            .env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET)
    }

    pub(crate) fn webhook_url(&self) -> String {
        format!("{}/integrations/{}/webhook", self.stack.api_url, self.name)
    }

    /// The output of `show`, with secrets.
    pub(crate) async fn shown(&self) -> Value {
        let mut shown = self.command(&["show", &self.name, "--show-secrets"]).run().await.succeeded().json();
        shown["changed"].take();
        shown
    }

    /// The id of the only integration on the platform.
    pub(crate) fn integration_id(&self) -> String {
        let integrations = self.platform.integrations();
        assert_eq!(1, integrations.len(), "{integrations:?}");
        integrations[0]["id"].as_str().unwrap().to_owned()
    }

    /// Changes the webhook URL of the only integration on the platform.
    pub(crate) fn redirect_webhooks(&self) {
        let field = "outboundNotificationWebhookUrl";
        self.platform.set_integration(&self.integration_id(), field, "https://example.com/hooks");
    }

    /// All secrets in the output of `show`.
    pub(crate) fn secrets_in(&self, shown: &Value) -> Vec<String> {
        let configuration = &shown["configuration"];
        let mut found = vec![&configuration["clientSecret"]];
        for list in [&configuration["webhookSecrets"], &configuration["delivery"]["signingSecrets"]] {
            found.extend(list.as_array().unwrap());
        }
        for caller in configuration["callers"].as_array().unwrap() {
            found.push(caller.get("signingSecret").or(caller.get("bearerToken")).unwrap());
        }
        found.iter().map(|secret| secret.as_str().unwrap().to_owned()).collect()
    }

    /// The number of integrations whose name starts with this test's name.
    pub(crate) async fn listed(&self) -> usize {
        let rows = self.command(&["list"]).run().await.succeeded().json();
        rows.as_array().unwrap().iter().filter(|row| row["name"].as_str().unwrap().starts_with(&self.name)).count()
    }

    /// The platform posts a message, signed with its integration's secret, and it is accepted.
    pub(crate) async fn message_is_accepted(&self) {
        let statuses = self.message().await;
        assert_eq!(Some(&Some(200)), statuses.last(), "{statuses:?}");
    }

    /// The platform posts a message. Returns the status of each attempt.
    pub(crate) async fn message(&self) -> Vec<Option<u16>> {
        let before = self.platform.finished_webhooks().await.len();
        let id = self.platform.integrations()[0]["id"].as_str().unwrap().to_owned();
        self.platform.post_text(&id, "customer-1", "hello");
        let posted = self.platform.finished_webhooks().await;
        posted[before..].iter().map(|posted| posted.answered).collect()
    }
}
