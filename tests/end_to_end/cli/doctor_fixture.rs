//! An integration for the doctor to check, and assertions on the report.

use serde_json::{Value, json};
use std::fmt::{self, Display, Formatter};
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::command::{Command, CommandOutput};
use tests::harness::stack::{SIGNING_SECRET, Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::{CLIENT_SECRET, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;

/// A secret in the query of every delivery URL.
pub(crate) const URL_KEY: &str = "key-of-the-delivery-url";

/// An integration with its platform and messaging service.
pub(crate) struct Fixture {
    pub(crate) stack: Stack,
    pub(crate) platform: GenesysCloud,
    pub(crate) service: MessagingService,
    pub(crate) integration: TestIntegration,
    configuration: Value,
}

/// The report of one run.
pub(crate) struct Report {
    pub(crate) ran: CommandOutput,
    pub(crate) json: Value,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_service(MessagingService::start().await).await
    }

    pub(crate) async fn with_service(service: MessagingService) -> Self {
        let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
        let mut configuration = Value::Null;
        let integration = stack
            .integration(&format!("{}?key={URL_KEY}", service.url), |document| {
                platform.host(document);
                configuration = document.clone();
            })
            .await;
        platform.add_integration(&integration.integration_id, &integration.webhook_url(), WEBHOOK_SECRET);
        platform.allow_everything(&integration.integration_id);
        Self { stack, platform, service, integration, configuration }
    }

    /// Replaces this field of the configuration.
    pub(crate) async fn configure(&self, pointer: &str, value: Value) {
        let mut configuration = self.configuration.clone();
        *configuration.pointer_mut(pointer).expect("a field") = value;
        self.integration.configure(&configuration).await;
    }

    /// Replaces the default of cards to users of the platform.
    pub(crate) async fn send_cards_to_customers(&self) {
        let mut configuration = self.configuration.clone();
        configuration["cards"] = json!({"route": "messaging-service"});
        self.integration.configure(&configuration).await;
    }

    pub(crate) fn command(&self) -> Command {
        Command::new(&["doctor", self.integration.name.as_str()])
    }

    pub(crate) async fn run_doctor(&self) -> Report {
        self.run_doctor_with(self.command()).await
    }

    /// Runs the command and asserts that it shows no secret.
    pub(crate) async fn run_doctor_with(&self, command: Command) -> Report {
        let ran = command.with(&["--json"]).run().await;
        self.assert_shows_no_secret(&ran);
        let json = ran.json();
        Report { ran, json }
    }

    pub(crate) fn assert_shows_no_secret(&self, ran: &CommandOutput) {
        let secrets = [CLIENT_SECRET, WEBHOOK_SECRET, SIGNING_SECRET, CALLER_SECRET, BEARER_TOKEN, URL_KEY];
        let tokens = self.platform.tokens();
        for secret in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
            assert!(!ran.all_output().contains(secret), "it shows the secret {secret}: {ran:#?}");
        }
    }
}

/// What is not as it should be, for assertions that fail.
impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let checks = self.json["checks"].as_array().into_iter().flatten();
        let problems: Vec<_> = checks.filter(|check| check["verdict"] != "ok").collect();
        write!(formatter, "exit code {}: {:#}", self.ran.code, json!(problems))
    }
}

impl Report {
    pub(crate) fn check(&self, name: &str) -> &Value {
        let checks = self.json["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {:#}", self.json))
    }

    /// The checks with this verdict, sorted: they are reported as they end.
    pub(crate) fn names(&self, verdict: &str) -> Vec<&str> {
        let checks = self.json["checks"].as_array().expect("checks").iter();
        let checks = checks.filter(|check| check["verdict"] == verdict);
        let mut names: Vec<_> = checks.map(|check| check["name"].as_str().expect("a name")).collect();
        names.sort_unstable();
        names
    }

    /// Asserts that this is the only fault, with these texts in its observation and advice.
    pub(crate) fn assert_only_fault(&self, name: &str, seen: &str, advice: &str) {
        assert_eq!(vec![name], self.names("fault"), "{self}");
        assert_eq!((3, json!(1)), (self.ran.code, self.json["faults"].clone()), "{self}");
        assert!(self.ran.stderr.contains("1 fault found"), "{}", self.ran.stderr);
        self.assert_check(name, seen, advice);
    }

    pub(crate) fn assert_check(&self, name: &str, seen: &str, advice: &str) {
        let check = self.check(name);
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        assert!(text("seen").contains(seen), "{check:#}");
        assert!(text("advice").contains(advice), "{check:#}");
    }

    /// Asserts that these checks were skipped for this reason.
    pub(crate) fn assert_skipped(&self, names: &[&str], because: &str) {
        for name in names {
            let check = self.check(name);
            assert_eq!("skipped", check["verdict"], "{check:#}");
            assert!(check["seen"].as_str().is_some_and(|seen| seen.contains(because)), "{check:#}");
        }
    }
}
