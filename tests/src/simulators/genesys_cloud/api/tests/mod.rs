//! Tests of the simulated platform over HTTP.

mod calls;
mod integrations;
mod messages;
mod profiles;
mod uploads;
mod webhooks;

use super::{CLIENT_ID, CLIENT_SECRET, Conversation, GenesysCloud};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const INTEGRATION: &str = "e6b352de-ecd0-49c7-94de-7787418869bc";

/// A platform and a client with a token.
struct Client {
    platform: GenesysCloud,
    http: reqwest::Client,
    token: String,
}

impl Client {
    async fn start() -> Self {
        let platform = GenesysCloud::start().await;
        platform.know_integration(INTEGRATION);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}/oauth/token", platform.url)).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let answer = request.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { platform, http, token }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.platform.url)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn try_post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), reqwest::Error> {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        Ok(read(request.body(body.to_string()).send().await?).await)
    }

    async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.request(Method::PUT, path).header("content-type", "application/json");
        read(request.body(body.to_string()).send().await.unwrap()).await
    }

    async fn patch(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.request(Method::PATCH, path).header("content-type", "application/json");
        read(request.body(body.to_string()).send().await.unwrap()).await
    }

    async fn delete(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.try_post(path, body).await.unwrap()
    }

    /// Posts a call that succeeds.
    async fn done(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert!(status.is_success(), "{status} {answer}");
        answer
    }
}

async fn read(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// A path of a call on behalf of the customer.
fn inbound(rest: &str) -> String {
    format!("/api/v2/conversations/messages/{INTEGRATION}/inbound/open/{rest}")
}

/// A path within a conversation.
fn within(conversation: &Conversation, rest: &str) -> String {
    let (conversation, communication) = (&conversation.conversation_id, &conversation.communication_id);
    format!("/api/v2/conversations/messages/{conversation}/communications/{communication}/{rest}")
}

fn message(customer: &str, id: &str) -> Value {
    json!({
        "channel": {
            "from": {"id": customer, "idType": "Email"},
            "time": "2026-01-02T03:04:05.678Z",
            "messageId": id,
        },
        "text": "hello",
    })
}
