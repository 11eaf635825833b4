//! The store over time, with the real SDK client and simulated responses.

use super::names::MAX_ENTRIES;
use super::*;
use crate::platform::{ApiError, PlatformConfig, PlatformError};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::advance;

/// A response of Secrets Manager: status and body.
type Answer = (u16, String);

/// Sends the responses in order, repeats the last one, and counts the calls.
#[derive(Debug, Clone)]
struct SecretsManager {
    answers: Arc<Vec<Answer>>,
    calls: Arc<AtomicUsize>,
}

impl HttpConnector for SecretsManager {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(Some("secretsmanager.GetSecretValue"), request.headers().get("x-amz-target"));
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let (status, body) = &self.answers[call.min(self.answers.len() - 1)];
        HttpConnectorFuture::ready(Ok(HttpResponse::new((*status).try_into().unwrap(), SdkBody::from(body.as_str()))))
    }
}

impl SecretsManager {
    fn responding(answers: impl Into<Vec<Answer>>) -> Self {
        Self { answers: Arc::new(answers.into()), calls: Arc::default() }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn store(&self) -> IntegrationStore {
        let connector = self.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(SharedHttpClient::new(http))
            .build();
        IntegrationStore::new(Client::from_conf(config), "patchbay", DEFAULT_TIME_TO_LIVE)
    }
}

fn secret(document: &str) -> Answer {
    (200, serde_json::json!({"Name": "patchbay/acme", "SecretString": document}).to_string())
}

fn good() -> Answer {
    good_of("i")
}

/// A good configuration that differs from others in the platform's id.
fn good_of(integration_id: &str) -> Answer {
    secret(
        &serde_json::json!({
            "platform": "genesys-cloud",
            "domain": "mypurecloud.de",
            "integrationId": integration_id,
            "clientId": "c",
            "clientSecret": "s",
            "webhookSecrets": ["0123456789abcdef"],
            "delivery": {"url": "https://example.com", "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
        })
        .to_string(),
    )
}

fn unavailable() -> Answer {
    (500, r#"{"__type": "InternalServiceError"}"#.to_owned())
}

fn not_found() -> Answer {
    (400, r#"{"__type": "ResourceNotFoundException"}"#.to_owned())
}

fn acme() -> IntegrationName {
    "acme".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_read_once_and_again_after_five_minutes() {
    let secrets = SecretsManager::responding([good()]);
    let store = secrets.store();
    for _ in 0..3 {
        store.get(&acme()).await.unwrap();
    }
    assert_eq!(1, secrets.calls());
    advance(DEFAULT_TIME_TO_LIVE).await;
    store.get(&acme()).await.unwrap();
    assert_eq!(2, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_read() {
    let secrets = SecretsManager::responding([good()]);
    let store = secrets.store();
    let name = acme();
    let results = tokio::join!(store.get(&name), store.get(&name), store.get(&name), store.get(&name));
    assert!(results.0.is_ok() && results.3.is_ok());
    assert_eq!(1, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_integration_is_read_once_in_ten_seconds() {
    let secrets = SecretsManager::responding([not_found()]);
    let store = secrets.store();
    for _ in 0..3 {
        assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
    }
    assert_eq!(1, secrets.calls());
    advance(REFRESH_COOLDOWN).await;
    assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
    assert_eq!(2, secrets.calls());
}

fn named(kind: &str, number: usize) -> IntegrationName {
    format!("{kind}-{number}").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn unknown_names_do_not_fill_the_memory() {
    let secrets = SecretsManager::responding([not_found()]);
    let store = secrets.store();
    for number in 0..=MAX_ENTRIES {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    assert!(store.names().len() <= MAX_ENTRIES);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_unknown_names_cause_twenty_reads_and_then_one_per_second() {
    let secrets = SecretsManager::responding([not_found()]);
    let store = secrets.store();
    let mut errors = Vec::new();
    for number in 0..300 {
        errors.push(store.get(&named("made-up", number)).await.unwrap_err());
    }
    let (read, rejected) = errors.split_at(20);
    assert!(read.iter().all(|error| *error == LoadError::NotFound), "{read:?}");
    assert!(rejected.iter().all(|error| *error == LoadError::TooManyUnknown), "{rejected:?}");
    for seconds in 1..=3 {
        advance(Duration::from_secs(1)).await;
        for number in 0..10 {
            let _ = store.get(&named("another", 10 * seconds + number)).await;
        }
        assert_eq!(20 + seconds, secrets.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn known_integrations_do_not_use_the_budget_and_are_read_when_it_is_exhausted() {
    let secrets = SecretsManager::responding([vec![good(); 50], vec![not_found(); 40], vec![good()]].concat());
    let store = secrets.store();
    for number in 0..50 {
        store.get(&named("good", number)).await.unwrap();
    }
    for number in 0..300 {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    assert_eq!(50 + 20, secrets.calls());
    advance(DEFAULT_TIME_TO_LIVE).await;
    for number in 300..330 {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    assert_eq!(50 + 40, secrets.calls(), "the budget was refilled and is exhausted again");
    store.get(&named("good", 7)).await.unwrap();
    assert_eq!(50 + 40 + 1, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_secrets_manager_does_not_use_the_budget() {
    let secrets = SecretsManager::responding([vec![unavailable(); 100], vec![good()]].concat());
    let store = secrets.store();
    for _ in 0..100 {
        assert!(matches!(store.get(&acme()).await, Err(LoadError::Unavailable(_))));
    }
    assert!(store.get(&acme()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_integration_is_evicted() {
    let secrets = SecretsManager::responding([good()]);
    let store = secrets.store();
    for number in 0..MAX_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    store.get(&named("good", 0)).await.unwrap();
    store.get(&named("good", MAX_ENTRIES)).await.unwrap();
    assert_eq!((MAX_ENTRIES, MAX_ENTRIES + 1), (store.names().len(), secrets.calls()));
    for number in (2..=MAX_ENTRIES).chain([0]) {
        store.get(&named("good", number)).await.unwrap();
    }
    assert_eq!(MAX_ENTRIES + 1, secrets.calls(), "they are still cached");
    store.get(&named("good", 1)).await.unwrap();
    assert_eq!(MAX_ENTRIES + 2, secrets.calls(), "the one that was used least recently is read again");
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_evicted_before_integrations() {
    let answers = [vec![good(); MAX_ENTRIES - 1], vec![not_found(); 20], vec![good()]].concat();
    let secrets = SecretsManager::responding(answers);
    let store = secrets.store();
    for number in 1..MAX_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    for number in 0..300 {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    let before = secrets.calls();
    for number in 1..MAX_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    assert_eq!(before, secrets.calls());
}

/// How often a check that only the configuration `new` passes is run, and its result.
async fn checked(answers: &[Answer]) -> (usize, Result<(), &'static str>) {
    let store = SecretsManager::responding(answers).store();
    let (first, checks) = (store.get(&acme()).await.unwrap(), AtomicUsize::new(0));
    let check = |integration: &Integration| {
        checks.fetch_add(1, Ordering::SeqCst);
        if integration.platform.channel_id() == "new" { Ok(()) } else { Err("mismatch") }
    };
    let result = store.with_refresh(first, check, |error| *error == "mismatch").await.unwrap();
    (checks.into_inner(), result.map(|(_, checked)| checked))
}

#[tokio::test(start_paused = true)]
async fn a_check_is_repeated_only_if_the_refreshed_configuration_differs() {
    assert_eq!((1, Ok(())), checked(&[good_of("new")]).await);
    assert_eq!((2, Ok(())), checked(&[good_of("old"), good_of("new")]).await);
    assert_eq!((1, Err("mismatch")), checked(&[good_of("old"), good_of("old")]).await);
    assert_eq!((2, Err("mismatch")), checked(&[good_of("old"), good_of("older")]).await);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_configuration_stays_in_use_while_secrets_manager_is_unavailable() {
    let secrets = SecretsManager::responding([good(), unavailable(), unavailable(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
    }
    assert_eq!(2, secrets.calls(), "a failed refresh is not retried at once");
    advance(REFRESH_COOLDOWN).await;
    assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
    advance(REFRESH_COOLDOWN).await;
    assert!(!Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn without_a_good_configuration_each_request_retries_the_read() {
    let secrets = SecretsManager::responding([unavailable(), good()]);
    let store = secrets.store();
    assert!(matches!(store.get(&acme()).await, Err(LoadError::Unavailable(_))));
    assert!(store.get(&acme()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_document_is_reported_and_does_not_replace_a_valid_one() {
    let replaced = SecretsManager::responding([good(), secret("{}")]).store();
    let first = replaced.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    assert!(Arc::ptr_eq(&first, &replaced.get(&acme()).await.unwrap()));

    let error = SecretsManager::responding([secret("{}")]).store().get(&acme()).await.unwrap_err();
    assert!(error.to_string().contains("/platform is required; /delivery is required"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_removes_the_integration() {
    let store = SecretsManager::responding([good(), not_found()]).store();
    store.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
}

#[tokio::test(start_paused = true)]
async fn a_forced_refresh_happens_once_in_ten_seconds() {
    let secrets = SecretsManager::responding([good(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    let second = store.refresh_if_stale(&first).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &store.refresh_if_stale(&second).await.unwrap()));
    assert_eq!(2, secrets.calls());
    advance(REFRESH_COOLDOWN).await;
    assert!(Arc::ptr_eq(&second, &store.refresh_if_stale(&second).await.unwrap()), "the document is the same");
    assert_eq!(3, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_a_forced_refresh() {
    let secrets = SecretsManager::responding([good(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    let (one, other) = tokio::join!(store.refresh_if_stale(&first), store.refresh_if_stale(&first));
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(2, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn a_failed_forced_refresh_is_an_error_and_keeps_the_cached_configuration() {
    let secrets = SecretsManager::responding([good(), unavailable()]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    for _ in 0..2 {
        // The second time is within ten seconds and does not read.
        assert!(matches!(store.refresh_if_stale(&first).await, Err(LoadError::Unavailable(_))));
    }
    assert_eq!(2, secrets.calls());
    assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn the_error_for_an_unreadable_response_does_not_contain_the_secret() {
    let unreadable = r#"{"SecretString": "hidden", "CreatedDate": "not a number"}"#;
    let error = SecretsManager::responding([(200, unreadable.to_owned())]).store().get(&acme()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
}

fn version(id: &str, client_secret: &str) -> Answer {
    let (status, body) = good();
    let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
    body["VersionId"] = id.into();
    let document = body["SecretString"]
        .as_str()
        .unwrap()
        .replace("\"clientSecret\":\"s\"", &format!("\"clientSecret\":\"{client_secret}\""));
    body["SecretString"] = document.into();
    (status, body.to_string())
}

fn rejected() -> ApiError {
    ApiError::Credentials(PlatformError { status: 401, ..PlatformError::default() })
}

/// The client secrets with which a call is made if the platform accepts only `accepted`, and its result.
async fn calls_with(store: &IntegrationStore, accepted: &str) -> (Vec<String>, Result<(), ApiError>) {
    let integration = store.get(&acme()).await.unwrap();
    let used = Mutex::new(Vec::new());
    let result = store
        .with_current(&integration, |current| {
            let PlatformConfig::GenesysCloud(config) = &current.platform else { panic!("another platform") };
            let secret = config.client_secret.expose_secret().to_owned();
            let answer = if secret == accepted { Ok(()) } else { Err(rejected()) };
            used.lock().unwrap().push(secret);
            std::future::ready(answer)
        })
        .await;
    (used.into_inner().unwrap(), result)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_rejected_with_a_rotated_secret_is_retried_once_with_the_new_one() {
    let secrets = SecretsManager::responding([version("1", "old"), version("2", "new")]);
    let store = secrets.store();
    assert_eq!((vec!["old".to_owned(), "new".to_owned()], Ok(())), calls_with(&store, "new").await);
    assert_eq!((vec!["new".to_owned()], Ok(())), calls_with(&store, "new").await);
    assert_eq!(2, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_is_not_retried_with_the_same_configuration() {
    let secrets = SecretsManager::responding([version("1", "old")]);
    let store = secrets.store();
    for _ in 0..3 {
        assert_eq!((vec!["old".to_owned()], Err(rejected())), calls_with(&store, "new").await);
    }
    assert_eq!(2, secrets.calls(), "only one refresh in ten seconds");
}
