//! Messages, files and typing on behalf of agents.

use crate::fixtures::WithPlatform;
use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::response::{Redirect, Response};
use axum::routing::get;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::harness::caller::Request;
use tests::harness::server::Server;
use tests::harness::stack::WEBHOOK_SECRET;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::{Conversation, Fault, ScanResult};
use tests::simulators::messaging_service::MessagingService;

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n, or what passes for one";

struct Agent {
    fixture: WithPlatform,
    conversation: Conversation,
}

impl Agent {
    async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    async fn configured(change: impl FnOnce(&mut Value)) -> Self {
        let fixture = WithPlatform::delivering_to("http://127.0.0.1:9/", change).await;
        let conversation = fixture.platform.open_conversation(&fixture.integration.integration_id, "customer-1");
        Self { fixture, conversation }
    }

    fn route(&self, what: &str) -> String {
        let Conversation { conversation_id, communication_id, .. } = &self.conversation;
        format!("conversations/{conversation_id}/communications/{communication_id}/{what}")
    }

    async fn post_request(&self, what: &str, request: Request) -> ApiResponse {
        request.with_bearer_token().post(&self.fixture.stack, &self.fixture.integration, &self.route(what)).await
    }

    async fn post(&self, what: &str, body: &Value) -> ApiResponse {
        self.post_request(what, Request::new(body)).await
    }

    async fn send_media(&self, media: &Value) -> ApiResponse {
        self.post("messages", &json!({ "media": media })).await
    }

    fn operations(&self) -> Vec<&'static str> {
        self.fixture.platform.calls().iter().map(|call| call.operation).collect()
    }

    fn sent(&self) -> Vec<Value> {
        self.fixture.platform.calls_of("agent-message").into_iter().map(|call| call.body).collect()
    }
}

fn content(bytes: &[u8]) -> Value {
    json!({"content": BASE64.encode(bytes), "fileName": "cat.png", "contentType": "image/png"})
}

/// A file server of the company. It counts its requests.
struct Assets {
    url: String,
    requests: Arc<AtomicUsize>,
    _server: Server,
}

impl Assets {
    async fn start() -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let router = Router::new()
            .route("/cat.png", get(|| async { ([(header::CONTENT_TYPE, "image/png")], PICTURE) }))
            .route(
                "/chunked/cat.png",
                get(|| async {
                    let chunks =
                        PICTURE.chunks(5).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
                    let body = Body::from_stream(futures::stream::iter(chunks));
                    Response::builder().header(header::CONTENT_TYPE, "image/png").body(body).expect("a response")
                }),
            )
            .route("/login.png", get(|| async { ([(header::CONTENT_TYPE, "text/html")], "who are you?") }))
            .route("/moved.png", get(|| async { Redirect::temporary("/cat.png") }))
            .route("/empty.png", get(|| async { ([(header::CONTENT_TYPE, "image/png")], "") }))
            .layer(axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::Relaxed);
                next.run(request)
            }));
        let server = Server::start(router);
        Self { url: server.origin.clone(), requests, _server: server }
    }
}

#[tokio::test]
async fn members_that_are_null_or_blank_are_absent() {
    let agent = Agent::start().await;
    let body = json!({"textBody": "hello", "media": null, "messagingTemplate": "", "of a later version": null});
    assert_eq!(200, agent.post("messages", &body).await.status.as_u16());
    assert_eq!(200, agent.post("typing", &json!({"durationMilliseconds": null})).await.status.as_u16());
    assert_eq!(vec![json!({"textBody": "hello"})], agent.sent());
}

#[tokio::test]
async fn a_text_goes_into_the_conversation() {
    let agent = Agent::start().await;
    let answer = agent.post("messages", &json!({"textBody": "How can I help?"})).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert!(answer.body["id"].is_string() && !answer.body.to_string().contains("help"), "{:?}", answer.body);
    let call = &agent.fixture.platform.calls_of("agent-message")[0];
    assert_eq!(
        format!("/api/v2/conversations/messages/{}", agent.route("messages").trim_start_matches("conversations/")),
        call.path
    );
    assert_eq!(json!({"textBody": "How can I help?"}), call.body);
}

#[tokio::test]
async fn a_template_goes_into_the_conversation() {
    let agent = Agent::start().await;
    let body = json!({"messagingTemplate": {"responseId": "r", "parameters": [{"id": "1", "value": "v"}]}});
    assert_eq!(200, agent.post("messages", &body).await.status.as_u16());
    assert_eq!(vec![body], agent.sent());
}

#[tokio::test]
async fn typing_is_shown_for_as_long_as_the_caller_says() {
    let agent = Agent::start().await;
    for (body, typing) in [
        (json!({}), json!({"type": "On"})),
        (json!({"durationMilliseconds": 5000}), json!({"type": "On", "duration": 5000})),
    ] {
        let answer = agent.post("typing", &body).await;
        assert_eq!((200, json!({"outcome": "posted"})), (answer.status.as_u16(), answer.body));
        let call = agent.fixture.platform.calls().pop().expect("a call");
        assert_eq!(("agent-typing", json!({ "typing": typing })), (call.operation, call.body));
    }
}

#[tokio::test]
async fn a_file_is_uploaded_scanned_and_sent() {
    let agent = Agent::start().await;
    agent.fixture.platform.set_scan_result(ScanResult::Valid { after: 2 });
    let answer = agent.send_media(&content(PICTURE)).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(vec!["conversation", "create-upload", "media", "media", "media", "agent-message"], agent.operations());
    let calls = agent.fixture.platform.calls();
    assert_eq!(json!({"fileName": "cat.png", "contentLengthBytes": PICTURE.len()}), calls[1].body);
    let upload = &agent.fixture.platform.uploads()[0];
    assert_eq!(Some(PICTURE), upload.bytes.as_deref());
    assert_eq!(vec![json!({"mediaIds": [upload.id]})], agent.sent());
}

#[tokio::test]
async fn a_file_and_its_text_are_one_message_of_the_agent_and_one_delivery() {
    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let integration = &fixture.integration;
    fixture.platform.connect(integration.webhook_url(), WEBHOOK_SECRET, &integration.integration_id);
    let conversation = fixture.platform.open_conversation(&integration.integration_id, "customer-1");
    let agent = Agent { fixture, conversation };
    let answer = agent.post("messages", &json!({"textBody": "Is it yours?", "media": content(PICTURE)})).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let upload = &agent.fixture.platform.uploads()[0];
    assert_eq!(vec![json!({"textBody": "Is it yours?", "mediaIds": [upload.id]})], agent.sent());
    let delivered = service.wait_for(answer.body["id"].as_str().unwrap()).await;
    let data = &delivered.body["data"];
    assert_eq!((&json!("Is it yours?"), &json!("cat.png")), (&data["text"], &data["attachments"][0]["filename"]));
}

#[tokio::test]
async fn a_file_at_a_url_is_streamed_through() {
    let assets = Assets::start().await;
    let agent = Agent::configured(|configuration| {
        configuration["media"] = json!({"trustedOrigins": [assets.url]});
    })
    .await;
    for (path, name) in [("cat.png", None), ("chunked/cat.png", Some("dog.png"))] {
        let mut media = json!({"url": format!("{}/{path}", assets.url)});
        if let Some(name) = name {
            media["fileName"] = name.into();
        }
        let answer = agent.send_media(&media).await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
        let uploads = agent.fixture.platform.uploads();
        let upload = uploads.iter().find(|upload| upload.file_name == name.unwrap_or("cat.png")).expect("an upload");
        assert_eq!(Some(PICTURE), upload.bytes.as_deref());
    }
}

#[tokio::test]
async fn a_file_that_does_not_match_its_declaration_is_not_sent() {
    let assets = Assets::start().await;
    let agent = Agent::configured(|configuration| {
        configuration["media"] = json!({"trustedOrigins": [assets.url], "maximumBytes": PICTURE.len() - 1});
    })
    .await;
    for (path, status, problem) in [
        ("login.png", 400, "invalid-body"),
        ("moved.png", 422, "media-refused"),
        ("empty.png", 422, "media-refused"),
        ("missing.png", 422, "media-refused"),
        ("cat.png", 422, "media-refused"),
        ("chunked/cat.png", 422, "media-refused"),
    ] {
        let media = json!({"url": format!("{}/{path}", assets.url), "contentType": "image/png"});
        let answer = agent.send_media(&media).await;
        answer.assert_problem(status, problem);
        assert!(!answer.body.to_string().contains(path), "{path}: {:?}", answer.body);
    }
    assert_eq!(6, assets.requests.load(Ordering::Relaxed), "a redirect is not followed");
    assert!(agent.operations().iter().all(|operation| *operation == "conversation"), "{:?}", agent.operations());
}

#[tokio::test]
async fn the_maximum_file_size_is_the_integrations() {
    let agent = Agent::configured(|configuration| configuration["media"] = json!({"maximumBytes": 1_000})).await;
    assert_eq!(200, agent.send_media(&content(&[7; 1_000])).await.status.as_u16());
    let answer = agent.send_media(&content(&[7; 1_001])).await;
    answer.assert_problem(422, "media-refused");
    assert!(answer.body["detail"].as_str().unwrap().contains("1000"), "{:?}", answer.body);
    assert_eq!(1, agent.sent().len());
}

#[tokio::test]
async fn a_file_of_four_megabytes_may_be_embedded_in_the_request() {
    let agent = Agent::start().await;
    let bytes = vec![42; 4_000_000];
    let answer = agent.send_media(&content(&bytes)).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(Some(bytes.as_slice()), agent.fixture.platform.uploads()[0].bytes.as_deref());
}

#[tokio::test]
async fn names_and_types_of_files_are_checked() {
    let agent = Agent::start().await;
    for (field, value) in
        [("fileName", ".hidden"), ("fileName", "a b.png"), ("fileName", "a|b"), ("contentType", "png")]
    {
        let mut media = content(PICTURE);
        media[field] = value.into();
        let answer = agent.send_media(&media).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!(format!("/media/{field}"), answer.body["errors"][0]["pointer"], "{value}");
    }
    assert_eq!(0, agent.fixture.platform.attempts());
}

#[tokio::test]
async fn while_a_file_cannot_be_uploaded_nothing_is_sent_and_the_key_is_free() {
    for fault in [Fault::Reset, Fault::Status(503), Fault::Status(429)] {
        let agent = Agent::start().await;
        agent.fixture.platform.fail_uploads([fault]);
        let request = Request::new(&json!({"media": content(&[1; 300_000])})).key("k");
        let answer = agent.post_request("messages", request.clone()).await;
        answer.assert_problem(503, "unavailable");
        assert_eq!(0, agent.sent().len());
        assert_eq!(200, agent.post_request("messages", request).await.status.as_u16(), "{fault:?}");
        assert_eq!(1, agent.sent().len());
    }
}

#[tokio::test]
async fn a_file_that_fails_the_platforms_scan_is_not_sent() {
    let agent = Agent::start().await;
    agent.fixture.platform.set_scan_result(ScanResult::Invalid { after: 1 });
    agent.send_media(&content(PICTURE)).await.assert_problem(422, "media-refused");
    agent.fixture.platform.set_scan_result(ScanResult::Never);
    let answer = agent.send_media(&content(PICTURE)).await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.body["detail"].as_str().unwrap().contains("Nothing was sent"), "{:?}", answer.body);
    assert_eq!(0, agent.sent().len());
}

#[tokio::test]
async fn a_file_whose_upload_is_refused_is_not_sent() {
    let agent = Agent::start().await;
    agent.fixture.platform.fail_uploads([Fault::Status(403)]);
    agent.send_media(&content(PICTURE)).await.assert_problem(422, "media-refused");
    assert_eq!(0, agent.sent().len());
}

#[tokio::test]
async fn a_key_that_was_used_in_one_conversation_is_refused_in_another() {
    let agent = Agent::start().await;
    let request = Request::new(&json!({"textBody": "Hello"})).key("k");
    assert_eq!(200, agent.post_request("messages", request.clone()).await.status.as_u16());
    let fixture = &agent.fixture;
    let conversation = fixture.platform.open_conversation(&fixture.integration.integration_id, "customer-2");
    let another = Agent { fixture: agent.fixture, conversation };
    another.post_request("messages", request).await.assert_problem(422, "idempotency-key-reused");
    assert_eq!(1, another.sent().len());
}

#[tokio::test]
async fn a_text_that_the_platform_would_refuse_is_not_sent() {
    let agent = Agent::start().await;
    let of = |length| json!({"textBody": "\u{1f600}".repeat(length)});
    assert_eq!(200, agent.post("messages", &of(2_000)).await.status.as_u16());
    let answer = agent.post("messages", &of(2_001)).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/textBody must have at most 2000 characters.", answer.body["detail"]);
    assert_eq!(1, agent.sent().len());
}

#[tokio::test]
async fn a_template_that_is_larger_than_the_platforms_bodies_is_not_sent() {
    let agent = Agent::start().await;
    let of = |length| json!({"messagingTemplate": {"responseId": "r", "parameters": [{"value": "x".repeat(length)}]}});
    let longest = 512_000 - of(0).to_string().len();
    assert_eq!(200, agent.post("messages", &of(longest)).await.status.as_u16());
    agent.post("messages", &of(longest + 1)).await.assert_problem(413, "body-too-large");
    assert_eq!(1, agent.sent().len());
}

#[tokio::test]
async fn a_message_whose_outcome_is_unknown_is_not_sent_again() {
    let agent = Agent::start().await;
    agent.fixture.platform.fail_operation("agent-message", [Fault::ResponseLost]);
    let request = Request::new(&json!({"media": content(PICTURE)})).key("k");
    for _ in 0..2 {
        agent.post_request("messages", request.clone()).await.assert_problem(504, "outcome-unknown");
    }
    assert_eq!(1, agent.sent().len());
}

#[tokio::test]
async fn a_file_is_not_fetched_from_a_private_address() {
    let assets = Assets::start().await;
    let port = assets.url.rsplit(':').next().unwrap().to_owned();
    let agent = Agent::start().await;
    let https = |host: &str| format!("https://{host}:{port}/cat.png");
    for url in [
        assets.url.clone() + "/cat.png",
        https("127.0.0.1"),
        https("localhost"),
        https("127.1"),
        https("2130706433"),
        https("0x7f000001"),
        https("0177.0.0.1"),
        https("0.0.0.0"),
        https("[::1]"),
        https("[::]"),
        https("[::ffff:127.0.0.1]"),
        https("[::ffff:7f00:1]"),
        https("[::127.0.0.1]"),
        https("[64:ff9b::7f00:1]"),
        https("[2002:7f00:1::]"),
        https("[fe80::1]"),
        https("[fd00:ec2::254]"),
        "https://169.254.169.254/latest/meta-data/cat.png".to_owned(),
        "https://169.254.170.2/cat.png".to_owned(),
        "https://10.0.0.1/cat.png".to_owned(),
        "https://172.16.0.1/cat.png".to_owned(),
        "https://192.168.0.1/cat.png".to_owned(),
        "https://100.64.0.1/cat.png".to_owned(),
        "https://user:password@example.com/cat.png".to_owned(),
        "ftp://example.com/cat.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:image/png;base64,AAEC".to_owned(),
    ] {
        let media = json!({"url": url, "fileName": "cat.png", "contentType": "image/png"});
        let answer = agent.send_media(&media).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{url}: {:?}", answer.body);
    }
    assert_eq!(0, assets.requests.load(Ordering::Relaxed));
    assert!(agent.operations().iter().all(|operation| *operation == "conversation"), "{:?}", agent.operations());
}

#[tokio::test]
async fn a_path_that_names_no_conversation_is_refused() {
    let agent = Agent::start().await;
    let fixture = &agent.fixture;
    let request = Request::new(&json!({"textBody": "hi"})).with_bearer_token();
    for (conversation, communication) in [("a_b", "c"), ("c", "a.b"), ("c", "x".repeat(65).as_str())] {
        let route = format!("conversations/{conversation}/communications/{communication}/messages");
        request.post(&fixture.stack, &fixture.integration, &route).await.assert_problem(400, "invalid-path");
    }
    let route = agent.route("messages");
    let unauthenticated = Request::new(&json!({"textBody": "hi"}));
    unauthenticated.post(&fixture.stack, &fixture.integration, &route).await.assert_problem(401, "unauthenticated");
    assert_eq!(0, fixture.platform.attempts());
}
