//! The messaging service of `examples/sms-gateway`, between the stack and a simulated gateway.

use crate::fixtures::WithPlatform;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::harness::caller::{BEARER_TOKEN, Request};
use tests::harness::listener::listen;
use tests::harness::stack::{SIGNING_SECRET, Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::{Webhook, text};
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use tests::simulators::multicloud_cx::api::MulticloudCx;
use tests::simulators::multicloud_cx::configuration;
use tests::simulators::sms_gateway::{KEY, NUMBER, SmsGateway, WEBHOOK_SECRET};
use tests::spec::documents::root;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

pub(super) const CUSTOMER: &str = "+4915112345678";

/// A second secret, as during a rotation.
pub(super) const OTHER_SIGNING_SECRET: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// A delivery of this type as Patchbay makes it, not yet signed.
pub(super) fn delivery(kind: &str, data: &Value) -> Request {
    Request::new(&json!({"type": kind, "timestamp": Timestamp::now(), "data": data}))
}

/// What the messaging service is written in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Language {
    Python,
    Node,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::Python, Self::Node];

    pub(super) fn command(self) -> [&'static str; 2] {
        match self {
            Self::Python => ["python3", "examples/sms-gateway/python/main.py"],
            Self::Node => ["node", "examples/sms-gateway/node/main.mjs"],
        }
    }
}

/// The content of a message that offers these.
pub(super) fn quick_replies(options: [&str; 2]) -> Value {
    let quick_reply = |text: &str| {
        let payload = format!("answered-{}", text.to_lowercase());
        json!({"contentType": "QuickReply", "quickReply": {"text": text, "payload": payload, "action": "Message"}})
    };
    options.iter().map(|text| quick_reply(text)).collect()
}

/// The running service. It ends when this is dropped.
pub(super) struct SmsService {
    pub(super) url: String,
    language: Language,
    environment: Vec<(&'static str, String)>,
    folder: PathBuf,
    process: Option<Child>,
    /// The lines of its log.
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for SmsService {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl SmsService {
    /// One that is not started yet.
    fn new(language: Language, gateway: &SmsGateway) -> Self {
        let port = listen().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("sms-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let environment = vec![
            ("SIGNING_SECRETS", format!("{OTHER_SIGNING_SECRET} {SIGNING_SECRET}")),
            ("BEARER_TOKEN", BEARER_TOKEN.to_owned()),
            ("GATEWAY_URL", gateway.url.clone()),
            ("GATEWAY_KEY", KEY.to_owned()),
            ("GATEWAY_NUMBER", NUMBER.to_owned()),
            ("GATEWAY_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("PORT", port.to_string()),
        ];
        Self {
            url: format!("http://127.0.0.1:{port}"),
            language,
            environment,
            folder,
            process: None,
            log: Arc::default(),
        }
    }

    /// Starts it, and returns once it listens.
    pub(super) async fn start(&mut self, api_url: &str) {
        let [program, script] = self.language.command();
        let mut process = Command::new(root().join(".venv/bin").join(program))
            .arg(root().join(script))
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("API_URL", api_url)
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(process.stderr.take().unwrap()).lines();
        let log = Arc::clone(&self.log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                log.lock().unwrap().push(line);
            }
        });
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let expected = format!("Listening at {}", self.url);
        assert_eq!(Some(expected), output.next_line().await.unwrap(), "{:?}", self.language);
        self.process = Some(process);
    }

    /// Changes what it has on disk. It must not be running.
    pub(super) async fn change(&self, sql: &str) {
        assert!(self.process.is_none());
        let code = "import sqlite3, sys\nwith sqlite3.connect('sms.db') as db: db.execute(sys.argv[1])";
        let mut change = Command::new(root().join(".venv/bin/python3"));
        let status = change.args(["-c", code, sql]).current_dir(&self.folder).status().await.unwrap();
        assert!(status.success(), "{sql}");
    }

    /// Makes it present another token to Patchbay. It must not be running.
    pub(super) fn set_bearer_token(&mut self, token: &str) {
        assert!(self.process.is_none());
        self.environment.push(("BEARER_TOKEN", token.to_owned()));
    }

    /// Waits for a line of its log that has all of these words.
    pub(super) async fn logs(&self, words: &[&str]) {
        let is_logged = || self.log.lock().unwrap().iter().any(|line| words.iter().all(|word| line.contains(word)));
        let waiting = async {
            while !is_logged() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let logged = tokio::time::timeout(WAIT_TIMEOUT, waiting).await;
        logged.unwrap_or_else(|_| panic!("{:?}: no {words:?} in {:?}", self.language, self.log.lock().unwrap()));
    }

    /// Kills it at whatever it is doing.
    pub(super) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }
}

/// The service with a platform on one side of the stack and the gateway on its own.
pub(super) struct Fixture<Platform = GenesysCloud> {
    pub(super) stack: Stack,
    pub(super) platform: Platform,
    pub(super) integration: TestIntegration,
    pub(super) gateway: SmsGateway,
    pub(super) service: SmsService,
}

impl Fixture {
    pub(super) async fn start(language: Language) -> Self {
        Self::connected(language, async |url: &str| {
            let WithPlatform { stack, platform, integration } = WithPlatform::delivering_to(url, |_| {}).await;
            (stack, platform, integration)
        })
        .await
    }
}

impl Fixture<MulticloudCx> {
    /// On a platform that does not deduplicate.
    pub(super) async fn on_multicloud_cx(language: Language) -> Self {
        Self::connected(language, async |url: &str| {
            let (stack, platform) = (Stack::connect().await, MulticloudCx::start().await);
            let channel = Uuid::new_v4().to_string();
            let integration = stack.integration_of(&channel, &configuration(&platform.url, &channel, url)).await;
            (stack, platform, integration)
        })
        .await
    }
}

impl<Platform> Fixture<Platform> {
    /// `connect` makes an integration that delivers to this URL.
    async fn connected(
        language: Language,
        connect: impl AsyncFnOnce(&str) -> (Stack, Platform, TestIntegration),
    ) -> Self {
        let gateway = SmsGateway::start();
        let mut service = SmsService::new(language, &gateway);
        let (stack, platform, integration) = connect(&format!("{}/deliveries", service.url)).await;
        service.environment.push(("INTEGRATION", integration.name.to_string()));
        service.start(&stack.api_url).await;
        Self { stack, platform, integration, gateway, service }
    }

    /// The customer writes to the agent.
    pub(super) async fn reply(&self, words: &str) {
        self.reply_with(&Uuid::new_v4().to_string(), words).await;
    }

    pub(super) async fn reply_with(&self, id: &str, words: &str) {
        assert_eq!(200, self.status_of_reply(id, words).await);
    }

    /// The customer writes to the agent. Returns the status of the answer.
    pub(super) async fn status_of_reply(&self, id: &str, words: &str) -> u16 {
        self.gateway.reply(&self.service.url, id, CUSTOMER, words).await.unwrap()
    }

    /// Posts a delivery as Patchbay does. Returns the status of the answer.
    pub(super) async fn deliver(&self, request: &Request) -> u16 {
        let mut post = self.stack.http.post(format!("{}/deliveries", self.service.url)).body(request.body.clone());
        for (name, value) in &request.headers {
            post = post.header(name, value);
        }
        post.send().await.unwrap().status().as_u16()
    }

    /// The customer wrote at this time, as the gateway has it. Returns the status of the answer.
    pub(super) async fn reply_of(&self, time: &str, words: &str) -> u16 {
        let id = Uuid::new_v4().to_string();
        let form = [("id", id.as_str()), ("from", CUSTOMER), ("to", NUMBER), ("text", words), ("time", time)];
        self.gateway.post(&format!("{}/replies", self.service.url), &form, WEBHOOK_SECRET).await.unwrap()
    }
}

impl Fixture {
    /// Starts the service again with what it has on disk.
    pub(super) async fn restart(&mut self) {
        self.service.start(&self.stack.api_url).await;
    }

    /// The agent writes to the customer.
    pub(super) async fn agent_writes(&self, words: &str) -> Webhook {
        self.agent_writes_to(CUSTOMER, words).await
    }

    pub(super) async fn agent_writes_to(&self, customer: &str, words: &str) -> Webhook {
        let webhook = text(&self.integration, customer, words);
        webhook.accepted(&self.stack, &self.integration).await;
        webhook
    }

    /// A message with these quick replies, which the platform knows.
    pub(super) async fn offer(&self, options: [&str; 2]) {
        self.platform.know_message(&self.forgotten_offer(options).await);
    }

    /// A message with these quick replies, which the platform does not know any more. Returns its id.
    pub(super) async fn forgotten_offer(&self, options: [&str; 2]) -> String {
        let mut webhook = text(&self.integration, CUSTOMER, "Did that answer your question?").json();
        webhook["type"] = "Structured".into();
        webhook["content"] = quick_replies(options);
        let before = self.gateway.sent().len();
        Webhook::new(webhook.to_string()).accepted(&self.stack, &self.integration).await;
        self.gateway.wait_for(before + 1).await;
        webhook["id"].as_str().unwrap().to_owned()
    }

    /// The texts of all SMS, once there are this many.
    pub(super) async fn texts(&self, count: usize) -> Vec<String> {
        self.gateway.wait_for(count).await.into_iter().map(|sms| sms.text).collect()
    }

    /// The gateway reports a status.
    pub(super) async fn report(&self, reference: &str, status: &str, error: Option<(&str, &str)>) {
        assert_eq!(200, self.status_of_report(reference, status, error).await);
    }

    /// The gateway reports a status. Returns that of the answer.
    pub(super) async fn status_of_report(&self, reference: &str, status: &str, error: Option<(&str, &str)>) -> u16 {
        self.gateway.report(&self.service.url, reference, status, error).await.unwrap()
    }

    /// The texts that the platform has from the customer, once there are this many.
    pub(super) async fn platform_texts(&self, count: usize) -> Vec<Value> {
        let calls = self.platform.wait_for_calls_of("inbound-message", count).await;
        calls.into_iter().map(|call| call.body["text"].clone()).collect()
    }
}
