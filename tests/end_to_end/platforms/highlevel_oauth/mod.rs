//! HighLevel's tokens that expire: one process renews them, whatever happens to it, and an operator authorizes the app.

mod operator;
mod renewal;
mod withdrawal;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::harness::command::Command;
use tests::harness::lambda_host::LambdaHost;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::api::oauth::{CLIENT_SECRET, Issue};
use tests::simulators::highlevel::{Keys, installed};
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use uuid::Uuid;

const NOWHERE: &str = "http://127.0.0.1:9/";

struct Fixture {
    stack: Stack,
    platform: HighLevel,
    keys: Keys,
    integration: TestIntegration,
}

impl Fixture {
    async fn start() -> Self {
        Self::with_tokens(|_| {}).await
    }

    async fn with_tokens(change: impl FnOnce(&mut Value)) -> Self {
        Self::on(HighLevel::start().await, change).await
    }

    async fn on(platform: HighLevel, change: impl FnOnce(&mut Value)) -> Self {
        let (stack, keys) = (Stack::connect().await, Keys::generate());
        let integration = installed(&stack, &keys, &platform, NOWHERE, change).await;
        Self { stack, platform, keys, integration }
    }

    fn name(&self) -> &str {
        self.integration.name.as_str()
    }

    /// Posts a receipt through the deployed function.
    async fn post_receipt(&self) -> ApiResponse {
        Request::new(&receipt()).signed().post(&self.stack, &self.integration, "receipts").await
    }

    async fn post_through(&self, function: &LambdaHost, route: &str, body: &Value) -> (u64, Value) {
        let request = Request::new(body).signed();
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = format!("/integrations/{}/{route}", self.integration.name);
        function.request(&path, self.name(), &headers, &request.body).await
    }

    /// Waits until the tokens satisfy `is_there`.
    async fn stored_when(&self, is_there: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let tokens = self.integration.tokens().await;
            if is_there(&tokens) {
                return tokens;
            }
            assert!(Instant::now() < deadline, "{tokens}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn authorize(&self) -> Command {
        Command::new(&["integration", "authorize", self.name(), "--json"])
    }

    async fn doctor(&self) -> Value {
        let report = Command::new(&["doctor", self.name(), "--skip-delivery", "--json"]).run().await;
        assert!(!report.contains("refresh-") && !report.contains("access-") && !report.contains(CLIENT_SECRET));
        let report = report.json();
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "authorization").unwrap().clone()
    }
}

fn receipt() -> Value {
    json!({"messageId": Uuid::new_v4().simple().to_string(), "to": {"id": "contact-17"}, "status": "delivered"})
}

fn message() -> Value {
    json!({
        "messageId": Uuid::new_v4().simple().to_string(), "from": {"id": "contact-17"}, "time": Timestamp::now(),
        "conversationId": "c-1", "text": "hello",
    })
}

/// Tokens whose access token has expired.
fn expired(tokens: &mut Value) {
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    tokens["expiresAt"] = past.to_string().into();
    tokens["issuedAt"] = (past - SignedDuration::from_hours(24)).to_string().into();
}

fn refreshes_with(token: &Value) -> Issue {
    Issue { grant: "refresh_token".to_owned(), used: token.as_str().unwrap().to_owned() }
}

fn verdict(check: &Value) -> (&str, &str) {
    (check["verdict"].as_str().unwrap(), check["seen"].as_str().unwrap())
}
