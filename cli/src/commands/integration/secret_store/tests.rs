//! Concurrent changes of a document, with the real SDK client and a simulated Secrets Manager that never changes a
//! version.
//!
//! Source: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>.

use super::*;
use crate::target::Target;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Default)]
struct SecretsManager(Arc<Mutex<Versions>>);

#[derive(Debug, Default)]
struct Versions {
    texts: HashMap<String, String>,
    current: String,
}

impl HttpConnector for SecretsManager {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, answer) = match request.headers().get("x-amz-target") {
            Some("secretsmanager.GetSecretValue") => self.get(),
            Some("secretsmanager.PutSecretValue") => self.put(&body),
            other => panic!("{other:?}"),
        };
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl SecretsManager {
    fn holding(text: &str) -> Self {
        let manager = Self::default();
        let _ = manager.put(&json!({"ClientRequestToken": "0", "SecretString": text}));
        manager
    }

    fn get(&self) -> (u16, Value) {
        let versions = self.0.lock().unwrap();
        (200, json!({"VersionId": versions.current, "SecretString": versions.texts[&versions.current]}))
    }

    fn put(&self, body: &Value) -> (u16, Value) {
        let mut versions = self.0.lock().unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (version, secret) = (text("ClientRequestToken"), text("SecretString"));
        match versions.texts.get(&version) {
            Some(known) if *known != secret => return (400, json!({"__type": "ResourceExistsException"})),
            Some(_) => {}
            None => {
                versions.texts.insert(version.clone(), secret);
                versions.current.clone_from(&version);
            }
        }
        let stages = if versions.current == version { vec![CURRENT] } else { Vec::new() };
        (200, json!({"VersionId": version, "VersionStages": stages}))
    }

    fn current(&self) -> String {
        let versions = self.0.lock().unwrap();
        versions.texts[&versions.current].clone()
    }

    fn restore_version(&self, version: &str) {
        self.0.lock().unwrap().current = version.to_owned();
    }

    fn client(&self) -> Client {
        let connector = self.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(SharedHttpClient::new(http))
            .build();
        Client::from_conf(config)
    }
}

async fn stack() -> Stack {
    let region = Some("eu-central-1".to_owned());
    Stack::new(Target { stack: "patchbay".to_owned(), api_url: None, region, profile: None }).await.unwrap()
}

fn document(number: u32) -> Document {
    Document::parse(&json!({"number": number}).to_string()).unwrap()
}

#[tokio::test]
async fn of_two_changes_to_the_same_version_only_one_succeeds() {
    let (manager, stack, name) = (SecretsManager::holding("{}"), stack().await, "acme".parse().unwrap());
    let secrets = SecretStore { client: manager.client(), stack: &stack, prefix: "patchbay" };
    let (first, second) = (secrets.require(&name).await.unwrap(), secrets.require(&name).await.unwrap());
    secrets.replace(&name, &first, &document(1)).await.unwrap();
    let failure = secrets.replace(&name, &second, &document(2)).await.err().unwrap().to_string();
    assert!(failure.contains("`acme` was changed concurrently"), "{failure}");
    assert_eq!(document(1).to_text(), manager.current());

    let again = secrets.require(&name).await.unwrap();
    secrets.replace(&name, &again, &document(2)).await.unwrap();
    assert_eq!(document(2).to_text(), manager.current());
}

#[tokio::test]
async fn a_restored_version_can_be_changed() {
    let (manager, stack, name) = (SecretsManager::holding("{}"), stack().await, "acme".parse().unwrap());
    let secrets = SecretStore { client: manager.client(), stack: &stack, prefix: "patchbay" };
    for number in [1, 2, 2] {
        let read = secrets.require(&name).await.unwrap();
        secrets.replace(&name, &read, &document(number)).await.unwrap();
        assert_eq!(document(number).to_text(), manager.current());
        manager.restore_version("0");
    }
}
