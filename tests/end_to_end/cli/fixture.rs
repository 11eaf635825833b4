//! What the tests of `patchbay integration` start from: a name that nobody has, a simulated Genesys Cloud, and a
//! messaging service.

use serde_json::Value;
use tests::harness::command::Command;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;
use uuid::Uuid;

/// What an operator has.
pub(crate) struct Setting {
    pub(crate) stack: Stack,
    pub(crate) platform: GenesysCloud,
    pub(crate) service: MessagingService,
    /// The integration's name.
    pub(crate) name: String,
}

impl Setting {
    pub(crate) async fn new() -> Self {
        let (stack, platform, service) =
            (Stack::connect().await, GenesysCloud::start().await, MessagingService::start().await);
        Self { stack, platform, service, name: format!("test-{}", Uuid::new_v4()) }
    }

    /// `patchbay integration` for programs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.human(arguments).with(&["--json"])
    }

    /// The same for people. The simulated platform knows no names under localhost.
    pub(crate) fn human(&self, arguments: &[&str]) -> Command {
        Command::new(&["integration"]).with(arguments).env("API_URL", &self.stack.direct_api_url())
    }

    /// `patchbay integration add` with all that is needed.
    pub(crate) fn add(&self) -> Command {
        self.add_named(&self.name)
    }

    /// The same for another integration.
    pub(crate) fn add_named(&self, name: &str) -> Command {
        self.adding(self.command(&["add", name]))
    }

    /// The same for people.
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
        format!("{}/integrations/{}/webhook", self.stack.direct_api_url(), self.name)
    }

    /// What `show` says, with the secrets.
    pub(crate) async fn shown(&self) -> Value {
        let mut shown = self.command(&["show", &self.name, "--show-secrets"]).run().await.done().json();
        shown["changed"].take();
        shown
    }

    /// The id of the platform's only integration.
    pub(crate) fn integration_id(&self) -> String {
        let integrations = self.platform.integrations();
        assert_eq!(1, integrations.len(), "{integrations:?}");
        integrations[0]["id"].as_str().unwrap().to_owned()
    }

    /// The webhooks of the platform's only integration go somewhere else from now on.
    pub(crate) fn lead_webhooks_elsewhere(&self) {
        let field = "outboundNotificationWebhookUrl";
        self.platform.set_integration(&self.integration_id(), field, "https://example.com/hooks");
    }

    /// All secrets in what `show` says.
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

    /// How many integrations of this test's name there are.
    pub(crate) async fn listed(&self) -> usize {
        let rows = self.command(&["list"]).run().await.done().json();
        rows.as_array().unwrap().iter().filter(|row| row["name"].as_str().unwrap().starts_with(&self.name)).count()
    }

    /// The platform posts a message, signed as its integration says, and it is accepted.
    pub(crate) async fn message_is_accepted(&self) {
        let statuses = self.message().await;
        assert_eq!(Some(&Some(200)), statuses.last(), "{statuses:?}");
    }

    /// The platform posts a message; what it is answered, attempt by attempt.
    pub(crate) async fn message(&self) -> Vec<Option<u16>> {
        let before = self.platform.settled_webhooks().await.len();
        let id = self.platform.integrations()[0]["id"].as_str().unwrap().to_owned();
        self.platform.post_text(&id, "customer-1", "hello");
        let posted = self.platform.settled_webhooks().await;
        posted[before..].iter().map(|posted| posted.answered).collect()
    }
}
