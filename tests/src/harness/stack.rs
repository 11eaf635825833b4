//! The stack that `infra/local/stack.py` has started and described in the environment.

use crate::harness::caller::callers;
use crate::harness::run_lock::RunLock;
use crate::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::ledger::{Acquire, CompletedRecord, LeaseRequest, Ledger, OnExpiredLease};
use shared::model::integration_name::IntegrationName;
use uuid::Uuid;

pub const WEBHOOK_SECRET: &str = "webhook-secret-of-the-tests";
pub const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Held by a test that lists or redrives dead letters: there is one dead-letter queue, and reading it hides its
/// messages from other readers.
pub static DEAD_LETTERS: RunLock = RunLock::new("dead-letters");

/// A permit is held by a test that keeps several dispatchers busy: with more of them, they exceed each other's time limits.
pub static DISPATCHERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

/// Held by a test that runs `patchbay failed`, which reads the whole parking queue, one run at a time.
pub static FAILED_MESSAGES: RunLock = RunLock::new("failed-messages");

/// The deployed stack and its clients.
#[derive(Clone)]
pub struct Stack {
    pub api_url: String,
    /// The queue between receiver and dispatcher.
    pub queue_url: String,
    pub ledger_table: String,
    /// Of conversation events: the name of the event source, the queues behind it, and the function.
    pub event_source: String,
    pub event_queue_url: String,
    pub event_dead_letter_queue_url: String,
    pub event_function: String,
    secret_prefix: String,
    pub http: reqwest::Client,
    pub sqs: aws_sdk_sqs::Client,
    secrets: aws_sdk_secretsmanager::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// An integration made by a test.
#[derive(Clone)]
pub struct TestIntegration {
    pub name: IntegrationName,
    /// Its id on the platform: of the Open Messaging integration, or of the location.
    pub integration_id: String,
    stack: Stack,
}

fn required_env(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `make test`, which brings the stack up first"))
}

impl Stack {
    /// Reads the stack from the environment.
    pub async fn connect() -> Self {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self {
            api_url: required_env("API_URL"),
            queue_url: required_env("QUEUE_URL"),
            ledger_table: required_env("LEDGER_TABLE"),
            event_source: required_env("EVENT_SOURCE"),
            event_queue_url: required_env("EVENT_QUEUE_URL"),
            event_dead_letter_queue_url: required_env("EVENT_DEAD_LETTER_QUEUE_URL"),
            event_function: required_env("EVENT_FUNCTION"),
            secret_prefix: required_env("SECRET_PREFIX"),
            http,
            sqs: aws_sdk_sqs::Client::new(&aws),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
        }
    }

    /// The ledger in the deployed table.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.dynamodb.clone(), &self.ledger_table)
    }

    /// Creates a table like the ledger's without an index, as earlier versions have it.
    pub async fn table_without_index(&self) -> String {
        let name = format!("test-{}", Uuid::new_v4());
        let key = AttributeDefinition::builder().attribute_name("key").attribute_type(ScalarAttributeType::S).build();
        let hash = KeySchemaElement::builder().attribute_name("key").key_type(KeyType::Hash).build();
        let table = self.dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let table = table.attribute_definitions(key.expect("complete")).key_schema(hash.expect("complete"));
        table.send().await.expect("the table is created");
        name
    }

    /// The record of the completed delivery with this `webhook-id`.
    pub async fn settled(&self, integration: &TestIntegration, webhook_id: &str) -> CompletedRecord {
        let key = format!("delivery#{}#{}", integration.name, webhook_id.trim_start_matches("msg_"));
        let now = Timestamp::now();
        let request =
            LeaseRequest { key: &key, now, until: now, fingerprint: None, on_expired_lease: OnExpiredLease::Keep };
        match self.ledger().acquire(request).await.expect("the ledger answers") {
            Acquire::Completed(record) => record,
            other => panic!("the message has not ended: {other:?}"),
        }
    }

    /// Gives a configuration this channel in place of a messaging service.
    pub fn set_channel(&self, configuration: &mut Value, channel: Value) {
        let members = configuration.as_object_mut().expect("an object");
        members.remove("delivery");
        members.insert("channel".to_owned(), channel);
        // The files of customers are on this machine.
        let url: reqwest::Url = self.api_url.parse().expect("a URL");
        let origin = url.origin().ascii_serialization();
        members.insert("media".to_owned(), json!({"trustedOrigins": [origin]}));
    }

    /// Creates an integration of Genesys Cloud with a unique name that delivers to `delivery_url`. `change` may alter
    /// its configuration before it is written.
    pub async fn integration(&self, delivery_url: &str, change: impl FnOnce(&mut Value)) -> TestIntegration {
        let id = Uuid::new_v4().to_string();
        let name = format!("test-{id}");
        self.integration_named(&name, &id, delivery_url, change).await
    }

    /// Creates one with this name and this id on the platform.
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

    /// Creates an integration with this configuration and a unique name. `address` is its id on the platform.
    pub async fn integration_of(&self, address: &str, configuration: &Value) -> TestIntegration {
        let integration = self.unconfigured(&format!("test-{}", Uuid::new_v4()), address);
        integration.create(configuration).await;
        integration
    }

    /// Creates one with this name.
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

    /// Its initial configuration as an integration of Genesys Cloud.
    #[must_use]
    pub fn configuration(&self, delivery_url: &str) -> Value {
        json!({
            "platform": "genesys-cloud",
            // Nothing listens here. A test with a platform sets its URL.
            "domain": "http://127.0.0.1:9",
            "integrationId": self.integration_id,
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "webhookSecrets": [WEBHOOK_SECRET],
            "delivery": {"url": delivery_url, "signingSecrets": [SIGNING_SECRET]},
            "callers": callers(),
        })
    }

    /// Writes its configuration, as an operator does.
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

    /// Creates the secret with its tokens that expire.
    pub async fn create_tokens(&self, tokens: &Value) {
        let secret = self.stack.secrets.create_secret().name(self.tokens_id()).secret_string(tokens.to_string());
        secret.send().await.expect("the secret is written");
    }

    /// Its tokens that expire.
    pub async fn tokens(&self) -> Value {
        self.read(self.tokens_id()).await
    }

    /// Its configuration.
    pub async fn stored_configuration(&self) -> Value {
        self.read(self.secret_id()).await
    }

    async fn read(&self, secret_id: String) -> Value {
        let secret = self.stack.secrets.get_secret_value().secret_id(secret_id).send().await;
        let secret = secret.expect("the secret is read");
        serde_json::from_str(secret.secret_string().expect("a text")).expect("JSON")
    }

    fn tokens_id(&self) -> String {
        format!("{}/oauth", self.secret_id())
    }

    /// Removes it, as an operator does.
    pub async fn remove(&self) {
        let deletion =
            self.stack.secrets.delete_secret().secret_id(self.secret_id()).force_delete_without_recovery(true);
        deletion.send().await.expect("the secret is deleted");
    }

    /// The URL of the HTTP API.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.stack.api_url
    }

    #[must_use]
    pub fn webhook_url(&self) -> String {
        self.route_url("webhook")
    }

    #[must_use]
    pub fn route_url(&self, route: &str) -> String {
        format!("{}/integrations/{}/{route}", self.stack.api_url, self.name)
    }

    fn secret_id(&self) -> String {
        format!("{}/{}", self.stack.secret_prefix, self.name)
    }
}
