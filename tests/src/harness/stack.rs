//! The stack that `infra/local/stack.py` has brought up and described in the environment.

use crate::harness::caller::callers;
use crate::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::ledger::{Bid, Claimed, Lapsed, Ledger, Settled};
use shared::model::integration_name::IntegrationName;
use std::net::SocketAddr;
use uuid::Uuid;

/// The secret of the simulated platform's webhooks.
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-the-tests";
/// The secret that deliveries are signed with.
pub const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The dead-letter queue. There is one, and who looks at it hides from others what is there: a test that lists or redrives
/// holds this for itself while it does.
pub static DEAD_LETTERS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The parking queue. There is one, and `patchbay failed` reads all of it, one run at a time: a test that runs it holds this,
/// so that no run waits for more than those of its own test.
pub static FAILED_MESSAGES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The deployed stack and clients for it.
#[derive(Clone)]
pub struct Stack {
    /// Where the HTTP API answers.
    pub api_url: String,
    /// The queue between receiver and dispatcher.
    pub queue_url: String,
    /// The table of the ledger.
    pub ledger_table: String,
    secret_prefix: String,
    /// For calls to the HTTP API.
    pub http: reqwest::Client,
    /// For looking at the queue.
    pub sqs: aws_sdk_sqs::Client,
    secrets: aws_sdk_secretsmanager::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// One integration that a test has made for itself.
#[derive(Clone)]
pub struct TestIntegration {
    /// Its name.
    pub name: IntegrationName,
    /// Its own id on the platform: of the open-messaging integration, or of the location.
    pub integration_id: String,
    stack: Stack,
}

fn setting(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `make test`, which brings the stack up first"))
}

impl Stack {
    /// The stack that the environment describes.
    pub async fn connect() -> Self {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let api_url = setting("API_URL");
        let url: reqwest::Url = api_url.parse().expect("API_URL is a URL");
        // Not every resolver knows that names under localhost are this machine.
        let address = SocketAddr::from(([127, 0, 0, 1], url.port().expect("API_URL has a port")));
        let http = reqwest::Client::builder()
            .resolve(url.host_str().expect("API_URL has a host"), address)
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self {
            api_url,
            queue_url: setting("QUEUE_URL"),
            ledger_table: setting("LEDGER_TABLE"),
            secret_prefix: setting("SECRET_PREFIX"),
            http,
            sqs: aws_sdk_sqs::Client::new(&aws),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
        }
    }

    /// Where the HTTP API answers, for programs that know no names under localhost: the emulator's other form of the same
    /// address.
    #[must_use]
    pub fn direct_api_url(&self) -> String {
        let url: reqwest::Url = self.api_url.parse().expect("API_URL is a URL");
        match (url.host_str().and_then(|host| host.strip_suffix(".execute-api.localhost")), url.port()) {
            (Some(id), Some(port)) => format!("http://127.0.0.1:{port}/_aws/execute-api/{id}/$default"),
            _ => self.api_url.clone(),
        }
    }

    /// The ledger in the deployed table.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.dynamodb.clone(), &self.ledger_table)
    }

    /// How the message with this `webhook-id` has ended, by the ledger.
    pub async fn settled(&self, integration: &TestIntegration, webhook_id: &str) -> Settled {
        let key = format!("delivery#{}#{}", integration.name, webhook_id.trim_start_matches("msg_"));
        let now = Timestamp::now();
        let bid = Bid { key: &key, now, until: now, fingerprint: None, lapsed: Lapsed::Leave };
        match self.ledger().claim(bid).await.expect("the ledger answers") {
            Claimed::Settled(settled) => settled,
            other => panic!("the message has not ended: {other:?}"),
        }
    }

    /// Makes an integration of Genesys Cloud that delivers to `delivery_url`, with a name of its own. `change` may
    /// alter its configuration before it is written.
    pub async fn integration(&self, delivery_url: &str, change: impl FnOnce(&mut Value)) -> TestIntegration {
        let id = Uuid::new_v4().to_string();
        let name = format!("test-{id}");
        self.integration_named(&name, &id, delivery_url, change).await
    }

    /// As [`Self::integration`], with a given name and id.
    pub async fn integration_named(
        &self,
        name: &str,
        integration_id: &str,
        delivery_url: &str,
        change: impl FnOnce(&mut Value),
    ) -> TestIntegration {
        let integration = self.unconfigured(name, integration_id);
        let mut configuration = integration.configuration(delivery_url);
        change(&mut configuration);
        integration.create(&configuration).await;
        integration
    }

    /// Makes an integration of whatever platform the configuration names, with a name of its own. `address` is what it is
    /// known by on the platform.
    pub async fn integration_of(&self, address: &str, configuration: &Value) -> TestIntegration {
        let integration = self.unconfigured(&format!("test-{}", Uuid::new_v4()), address);
        integration.create(configuration).await;
        integration
    }

    /// The same with a given name.
    pub async fn integration_configured(&self, name: &str, address: &str, configuration: &Value) -> TestIntegration {
        let integration = self.unconfigured(name, address);
        integration.create(configuration).await;
        integration
    }

    fn unconfigured(&self, name: &str, address: &str) -> TestIntegration {
        let name = name.parse().expect("a good name");
        TestIntegration { name, integration_id: address.to_owned(), stack: self.clone() }
    }
}

impl TestIntegration {
    async fn create(&self, configuration: &Value) {
        self.stack
            .secrets
            .create_secret()
            .name(self.secret_id())
            .secret_string(configuration.to_string())
            .send()
            .await
            .expect("the secret is written");
    }

    /// Its configuration, as it is written at first, if it is one of Genesys Cloud.
    #[must_use]
    pub fn configuration(&self, delivery_url: &str) -> Value {
        json!({
            "platform": "genesys-cloud",
            // Nobody is there: a test that wants a platform puts its own in.
            "domain": "http://127.0.0.1:9",
            "integrationId": self.integration_id,
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "webhookSecrets": [WEBHOOK_SECRET],
            "delivery": {"url": delivery_url, "signingSecrets": [SIGNING_SECRET]},
            "callers": callers(),
        })
    }

    /// Writes its configuration anew, as an operator does.
    pub async fn configure(&self, configuration: &Value) {
        self.stack
            .secrets
            .put_secret_value()
            .secret_id(self.secret_id())
            .secret_string(configuration.to_string())
            .send()
            .await
            .expect("the secret is written");
    }

    /// Removes it, as an operator does.
    pub async fn remove(&self) {
        let deletion =
            self.stack.secrets.delete_secret().secret_id(self.secret_id()).force_delete_without_recovery(true);
        deletion.send().await.expect("the secret is deleted");
    }

    /// Where the HTTP API answers, for programs that know no names under localhost.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.stack.direct_api_url()
    }

    /// Where the platform posts to.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        self.route_url("webhook")
    }

    /// Where the simulated platform posts to.
    #[must_use]
    pub fn direct_webhook_url(&self) -> String {
        format!("{}/integrations/{}/webhook", self.stack.direct_api_url(), self.name)
    }

    /// Where callers post to.
    #[must_use]
    pub fn route_url(&self, route: &str) -> String {
        format!("{}/integrations/{}/{route}", self.stack.api_url, self.name)
    }

    fn secret_id(&self) -> String {
        format!("{}/{}", self.stack.secret_prefix, self.name)
    }
}
