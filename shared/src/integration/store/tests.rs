//! The store's behaviour in time, against the real SDK client with answers laid in.

use super::names::MAXIMUM_ENTRIES;
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

/// One answer of Secrets Manager: status and body.
type Answer = (u16, String);

/// Answers in the given order, the last one for ever, and counts the calls.
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
    fn answering(answers: impl Into<Vec<Answer>>) -> Self {
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

fn out_of_reach() -> Answer {
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
    let secrets = SecretsManager::answering([good()]);
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
    let secrets = SecretsManager::answering([good()]);
    let store = secrets.store();
    let name = acme();
    let results = tokio::join!(store.get(&name), store.get(&name), store.get(&name), store.get(&name));
    assert!(results.0.is_ok() && results.3.is_ok());
    assert_eq!(1, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_integration_costs_one_read_in_ten_seconds() {
    let secrets = SecretsManager::answering([not_found()]);
    let store = secrets.store();
    for _ in 0..3 {
        assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
    }
    assert_eq!(1, secrets.calls());
    advance(PAUSE).await;
    assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
    assert_eq!(2, secrets.calls());
}

fn named(kind: &str, number: usize) -> IntegrationName {
    format!("{kind}-{number}").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn made_up_names_do_not_fill_the_memory() {
    let secrets = SecretsManager::answering([not_found()]);
    let store = secrets.store();
    for number in 0..=MAXIMUM_ENTRIES {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    assert!(store.names().len() <= MAXIMUM_ENTRIES);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_made_up_names_cost_twenty_reads_and_then_one_a_second() {
    let secrets = SecretsManager::answering([not_found()]);
    let store = secrets.store();
    let mut errors = Vec::new();
    for number in 0..300 {
        errors.push(store.get(&named("made-up", number)).await.unwrap_err());
    }
    let (looked_up, put_off) = errors.split_at(20);
    assert!(looked_up.iter().all(|error| *error == LoadError::NotFound), "{looked_up:?}");
    assert!(put_off.iter().all(|error| *error == LoadError::TooManyUnknown), "{put_off:?}");
    for seconds in 1..=3 {
        advance(Duration::from_secs(1)).await;
        for number in 0..10 {
            let _ = store.get(&named("another", 10 * seconds + number)).await;
        }
        assert_eq!(20 + seconds, secrets.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn integrations_that_exist_cost_nothing_of_the_budget_and_are_read_when_it_is_used_up() {
    let secrets = SecretsManager::answering([vec![good(); 50], vec![not_found(); 40], vec![good()]].concat());
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
    assert_eq!(50 + 40, secrets.calls(), "the budget is full again, and used up again");
    store.get(&named("good", 7)).await.unwrap();
    assert_eq!(50 + 40 + 1, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn secrets_manager_out_of_reach_costs_nothing_of_the_budget() {
    let secrets = SecretsManager::answering([vec![out_of_reach(); 100], vec![good()]].concat());
    let store = secrets.store();
    for _ in 0..100 {
        assert!(matches!(store.get(&acme()).await, Err(LoadError::Unavailable(_))));
    }
    assert!(store.get(&acme()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn of_more_integrations_than_are_kept_those_that_were_used_last_stay() {
    let secrets = SecretsManager::answering([good()]);
    let store = secrets.store();
    for number in 0..MAXIMUM_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    store.get(&named("good", 0)).await.unwrap();
    store.get(&named("good", MAXIMUM_ENTRIES)).await.unwrap();
    assert_eq!((MAXIMUM_ENTRIES, MAXIMUM_ENTRIES + 1), (store.names().len(), secrets.calls()));
    for number in (2..=MAXIMUM_ENTRIES).chain([0]) {
        store.get(&named("good", number)).await.unwrap();
    }
    assert_eq!(MAXIMUM_ENTRIES + 1, secrets.calls(), "they are still there");
    store.get(&named("good", 1)).await.unwrap();
    assert_eq!(MAXIMUM_ENTRIES + 2, secrets.calls(), "the one that was used least recently is read again");
}

#[tokio::test(start_paused = true)]
async fn made_up_names_make_room_before_integrations_do() {
    let answers = [vec![good(); MAXIMUM_ENTRIES - 1], vec![not_found(); 20], vec![good()]].concat();
    let secrets = SecretsManager::answering(answers);
    let store = secrets.store();
    for number in 1..MAXIMUM_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    for number in 0..300 {
        store.get(&named("made-up", number)).await.unwrap_err();
    }
    let before = secrets.calls();
    for number in 1..MAXIMUM_ENTRIES {
        store.get(&named("good", number)).await.unwrap();
    }
    assert_eq!(before, secrets.calls());
}

/// How often a proof that only the second of two readings accepts is checked, and what came of it.
async fn checked(answers: &[Answer]) -> (usize, Result<(), &'static str>) {
    let store = SecretsManager::answering(answers).store();
    let (first, checks) = (store.get(&acme()).await.unwrap(), AtomicUsize::new(0));
    let check = |integration: &Integration| {
        checks.fetch_add(1, Ordering::SeqCst);
        if integration.platform.address() == "new" { Ok(()) } else { Err("mismatch") }
    };
    let verdict = store.with_refresh(first, check, |error| *error == "mismatch").await.unwrap();
    (checks.into_inner(), verdict.map(|(_, proved)| proved))
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_checked_again_only_where_the_fresh_configuration_is_another() {
    assert_eq!((1, Ok(())), checked(&[good_of("new")]).await);
    assert_eq!((2, Ok(())), checked(&[good_of("old"), good_of("new")]).await);
    assert_eq!((1, Err("mismatch")), checked(&[good_of("old"), good_of("old")]).await);
    assert_eq!((2, Err("mismatch")), checked(&[good_of("old"), good_of("older")]).await);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_configuration_serves_while_secrets_manager_is_out_of_reach() {
    let secrets = SecretsManager::answering([good(), out_of_reach(), out_of_reach(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
    }
    assert_eq!(2, secrets.calls(), "a failed renewal is not repeated at once");
    advance(PAUSE).await;
    assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
    advance(PAUSE).await;
    assert!(!Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn without_a_good_configuration_each_request_asks_again() {
    let secrets = SecretsManager::answering([out_of_reach(), good()]);
    let store = secrets.store();
    assert!(matches!(store.get(&acme()).await, Err(LoadError::Unavailable(_))));
    assert!(store.get(&acme()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_faulty_document_is_reported_and_does_not_replace_a_good_one() {
    let replaced = SecretsManager::answering([good(), secret("{}")]).store();
    let first = replaced.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    assert!(Arc::ptr_eq(&first, &replaced.get(&acme()).await.unwrap()));

    let error = SecretsManager::answering([secret("{}")]).store().get(&acme()).await.unwrap_err();
    assert!(error.to_string().contains("/platform is required; /delivery is required"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_ends_the_integration() {
    let store = SecretsManager::answering([good(), not_found()]).store();
    store.get(&acme()).await.unwrap();
    advance(DEFAULT_TIME_TO_LIVE).await;
    assert_eq!(Err(LoadError::NotFound), store.get(&acme()).await.map(drop));
}

#[tokio::test(start_paused = true)]
async fn a_forced_read_happens_once_in_ten_seconds() {
    let secrets = SecretsManager::answering([good(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    let second = store.refreshed(&first).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &store.refreshed(&second).await.unwrap()));
    assert_eq!(2, secrets.calls());
    advance(PAUSE).await;
    assert!(Arc::ptr_eq(&second, &store.refreshed(&second).await.unwrap()), "the document is the same");
    assert_eq!(3, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn a_forced_read_that_another_request_has_made_is_not_made_again() {
    let secrets = SecretsManager::answering([good(), good_of("new")]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    let (one, other) = tokio::join!(store.refreshed(&first), store.refreshed(&first));
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(2, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn a_failed_forced_renewal_is_an_error_and_leaves_the_known_configuration() {
    let secrets = SecretsManager::answering([good(), out_of_reach()]);
    let store = secrets.store();
    let first = store.get(&acme()).await.unwrap();
    for _ in 0..2 {
        // The second time within ten seconds nothing is read, and nobody can tell any better.
        assert!(matches!(store.refreshed(&first).await, Err(LoadError::Unavailable(_))));
    }
    assert_eq!(2, secrets.calls());
    assert!(Arc::ptr_eq(&first, &store.get(&acme()).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_does_not_show_its_secret() {
    let unreadable = r#"{"SecretString": "hidden", "CreatedDate": "not a number"}"#;
    let error = SecretsManager::answering([(200, unreadable.to_owned())]).store().get(&acme()).await.unwrap_err();
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

fn refused() -> ApiError {
    ApiError::Credentials(PlatformError { status: 401, ..PlatformError::default() })
}

/// Which client secrets a call is made with where the platform takes this one only, and how that ends.
async fn calls_with(store: &IntegrationStore, taken: &str) -> (Vec<String>, Result<(), ApiError>) {
    let integration = store.get(&acme()).await.unwrap();
    let used = Mutex::new(Vec::new());
    let result = store
        .with_current(&integration, |current| {
            let PlatformConfig::GenesysCloud(config) = &current.platform else { panic!("another platform") };
            let secret = config.client_secret.expose_secret().to_owned();
            let answer = if secret == taken { Ok(()) } else { Err(refused()) };
            used.lock().unwrap().push(secret);
            std::future::ready(answer)
        })
        .await;
    (used.into_inner().unwrap(), result)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_with_a_replaced_secret_is_made_once_more_with_the_new_one() {
    let secrets = SecretsManager::answering([version("1", "old"), version("2", "new")]);
    let store = secrets.store();
    assert_eq!((vec!["old".to_owned(), "new".to_owned()], Ok(())), calls_with(&store, "new").await);
    assert_eq!((vec!["new".to_owned()], Ok(())), calls_with(&store, "new").await);
    assert_eq!(2, secrets.calls());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_is_not_made_again_with_the_same_configuration() {
    let secrets = SecretsManager::answering([version("1", "old")]);
    let store = secrets.store();
    for _ in 0..3 {
        assert_eq!((vec!["old".to_owned()], Err(refused())), calls_with(&store, "new").await);
    }
    assert_eq!(2, secrets.calls(), "one read in ten seconds is forced");
}
