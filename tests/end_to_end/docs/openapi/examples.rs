//! The deployed functions accept every example of the document, and respond as documented.

use super::{AT_ONCE, Fixture, send};
use axum::Router;
use axum::http::{Method, header};
use axum::routing::get;
use futures::{StreamExt, stream};
use serde_json::Value;
use shared::signature::hub;
use tests::harness::caller::Request;
use tests::harness::server::Server;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::messaging_service::MessagingService;
use tests::simulators::multicloud_cx::api::{APP_SECRET, MulticloudCx};
use tests::simulators::{highlevel, multicloud_cx};
use tests::spec::openapi::{Document, Operation, Received};
use uuid::Uuid;

/// Ids of the other platforms in the examples.
const CHANNEL_ID: &str = "16504661149";
const LOCATION_ID: &str = "l1C08ntBrFjLS0elLIYU";
const APP_ID: &str = "6512f0a5c3e1a80018f1b2c3";
/// The base URL of the examples' files.
const ASSETS: &str = "https://assets.example.com";

const PICTURE: &[u8] = include_bytes!("../../../fixtures/parcel.png");

/// Makes the signature header of a platform for a body.
type Sign = Box<dyn Fn(&str) -> (&'static str, String)>;

/// An integration that accepts an example, and its platform's signature.
pub(super) struct Account {
    stack: Stack,
    url: String,
    sign: Sign,
    /// Kept running while the example is tested.
    _platform: Box<dyn std::any::Any>,
}

impl Account {
    /// An account on the platform that the example's name starts with, or on Genesys Cloud.
    pub(super) async fn new(
        operation: &Operation<'_>,
        example: &str,
        body: &Value,
        service: &MessagingService,
        assets: &str,
    ) -> Self {
        if example.starts_with("multicloudCx") {
            let (stack, platform) = (Stack::connect().await, MulticloudCx::start().await);
            let mut configuration = multicloud_cx::configuration(&platform.url, CHANNEL_ID, &service.url);
            // The example's file does not exist.
            configuration["uploadFiles"] = false.into();
            let integration = stack.integration_of(CHANNEL_ID, &configuration).await;
            let sign = |body: &str| ("x-hub-signature", hub::sign_sha1(body.as_bytes(), &APP_SECRET.into()));
            let url = integration.route_url(operation.route());
            return Self { stack, url, sign: Box::new(sign), _platform: Box::new(platform) };
        }
        if example.starts_with("highLevel") {
            let (stack, platform) = (Stack::connect().await, HighLevel::start().await);
            for id in body.as_object().into_iter().flatten().filter_map(|(_, id)| id.as_str()) {
                // Each example is requested with a token, and signed.
                platform.schedule(id);
                platform.schedule(id);
            }
            let keys = highlevel::Keys::generate();
            let mut configuration = highlevel::configuration(LOCATION_ID, &service.url);
            configuration["apiBaseUrl"] = platform.url.clone().into();
            configuration["appId"] = APP_ID.into();
            configuration["trustedKeys"] = keys.trusted().into();
            let integration = stack.integration_of(LOCATION_ID, &configuration).await;
            let sign = move |body: &str| ("x-ghl-signature", keys.signature(body.as_bytes()));
            let url = integration.route_url(operation.route());
            return Self { stack, url, sign: Box::new(sign), _platform: Box::new(platform) };
        }
        let card_route = if body.get("to").is_some() { "messaging-service" } else { "open-messaging" };
        let fixture = Fixture::start(card_route, &service.url, assets).await;
        let (stack, url) = (fixture.with_platform.stack.clone(), fixture.url(operation));
        let sign = |body: &str| ("x-hub-signature-256", hub::sign_sha256(body.as_bytes(), &WEBHOOK_SECRET.into()));
        Self { stack, url, sign: Box::new(sign), _platform: Box::new(fixture) }
    }

    /// The operation's URL with this account's ids.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    async fn post(&self, request: &Request) -> Received {
        send(&self.stack, &Method::POST, &self.url, request).await
    }
}

/// A file server of the company with the file of an example.
pub(super) fn assets() -> Server {
    let picture = get(|| async { ([(header::CONTENT_TYPE, "image/png")], PICTURE) });
    Server::start(Router::new().route("/parcel.png", picture))
}

fn assert_taken(operation: &Operation<'_>, example: &str, received: &Received) {
    let what = format!("{example} of {}: {received:?}", operation.id());
    assert_eq!(Vec::<String>::new(), operation.differences(received), "{what}");
    assert!((200..300).contains(&received.status), "{what}");
}

fn is_replayed(received: &Received) -> bool {
    received.headers.contains_key("idempotency-replayed")
}

async fn try_webhook(operation: &Operation<'_>, example: &str, body: &Value, account: &Account) {
    let request = Request::new(body);
    let (header, signature) = (account.sign)(&request.body);
    let received = account.post(&request.header(header, &signature)).await;
    assert_taken(operation, example, &received);
    let is_handed_on = !["multicloudCxInteractions", "highLevelInstall", "highLevelInvoice"].contains(&example);
    assert_eq!(is_handed_on, received.body.get("messageId").is_some(), "{example}");
}

/// The body with the file server's real address.
pub(super) fn with_assets(body: &Value, assets: &str) -> String {
    body.to_string().replace(ASSETS, assets)
}

/// With a token and a key, then as a replay, then signed.
async fn try_request(operation: &Operation<'_>, example: &str, body: &Value, account: &Account, assets: &str) {
    let request = Request::text(with_assets(body, assets));
    let bearing = request.clone().with_bearer_token().key(&format!("key-{}", Uuid::new_v4()));
    let first = account.post(&bearing).await;
    assert_taken(operation, example, &first);
    assert!(!is_replayed(&first), "{example} of {}", operation.id());
    let second = account.post(&bearing).await;
    assert_taken(operation, example, &second);
    assert_eq!((true, &first.body), (is_replayed(&second), &second.body), "{example} of {}", operation.id());
    assert_taken(operation, example, &account.post(&request.signed()).await);
}

/// With a token, and signed.
async fn try_without_body(operation: &Operation<'_>, service: &MessagingService, assets: &str) {
    let fixture = Fixture::start("messaging-service", &service.url, assets).await.of(operation);
    let url = fixture.url(operation);
    for request in [Request::text("").with_bearer_token(), Request::text("").signed()] {
        assert_taken(operation, "a request", &fixture.send(&url, &request).await);
    }
}

#[tokio::test]
async fn every_example_is_accepted_with_the_documented_response() {
    let document = Document::read();
    let (service, assets) = (MessagingService::start().await, assets());
    let (service, assets) = (&service, assets.origin.as_str());
    let one_operation = async |operation: Operation<'_>| {
        if !operation.has_body() {
            return try_without_body(&operation, service, assets).await;
        }
        for (example, body) in operation.body().examples() {
            let account = Account::new(&operation, &example, body, service, assets).await;
            if operation.id() == "receiveWebhook" {
                try_webhook(&operation, &example, body, &account).await;
            } else {
                try_request(&operation, &example, body, &account, assets).await;
            }
        }
    };
    let operations = document.operations_of_platforms_and_callers();
    assert_eq!(12, operations.len());
    stream::iter(operations).for_each_concurrent(AT_ONCE, one_operation).await;
}
