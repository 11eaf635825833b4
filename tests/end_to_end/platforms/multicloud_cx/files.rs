//! Customers' files, which are fetched over HTTPS and uploaded by a real `inbound-sender` that trusts the files' host.

use super::file_host::{FileHost, LARGE, PICTURE, large};
use super::{CHANNEL, CUSTOMER, Fixture, written};
use serde_json::{Value, json};
use shared::model::trace_id::TraceId;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::harness::caller::Request;
use tests::harness::lambda_host::LambdaHost;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::{API_KEY, APP_SECRET, Fault, MulticloudCx, StoredFile};

/// The smallest `SenderTimeoutSeconds`.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A channel, the host of its customers' files, and the function between them.
struct Files {
    fixture: Fixture,
    host: FileHost,
    function: LambdaHost,
}

impl Files {
    async fn start() -> Self {
        Self::configured(MulticloudCx::start().await, |_| {}).await
    }

    async fn configured(platform: MulticloudCx, change: impl FnOnce(&mut Value)) -> Self {
        let host = FileHost::start();
        let fixture = Fixture::configured(platform, Reply::status(200), |configuration| {
            configuration["media"] = json!({"trustedOrigins": [host.server.origin]});
            change(configuration);
        })
        .await;
        let function = LambdaHost::start("inbound-sender", &[("SSL_CERT_FILE", host.server.roots())]).await;
        Self { fixture, host, function }
    }

    async fn post(&self, id: &str, change: &Value) -> Answer {
        self.post_request(Duration::from_secs(25), Request::new(&written(id, change)).signed()).await
    }

    async fn post_request(&self, timeout: Duration, request: Request) -> Answer {
        let name = self.fixture.integration.name.as_str();
        let path = format!("/integrations/{name}/inbound/messages");
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (status, body) = self.function.request_within(timeout, &path, name, &headers, &request.body).await;
        Answer { status, body }
    }

    /// Posts a message with one file.
    async fn post_file(&self, id: &str, name: &str) -> Answer {
        self.post(id, &json!({"text": "look", "attachment": self.host.file(name)})).await
    }

    fn uploads(&self) -> Vec<StoredFile> {
        self.fixture.platform.files()
    }

    fn messages(&self) -> Vec<Value> {
        self.fixture.platform.messages()
    }
}

struct Answer {
    status: u64,
    body: Value,
}

impl Answer {
    fn assert_problem(&self, status: u64, slug: &str) {
        let expected = (status, json!(format!("urn:patchbay:problem:{slug}")));
        assert_eq!(expected, (self.status, self.body["type"].clone()), "{:?}", self.body);
    }
}

fn sms(id: &str, message: &Value) -> Value {
    let mut message = message.clone();
    message["channel"] = json!({"type": "sms", "from": {"id": CUSTOMER}, "to": {"id": CHANNEL}, "messageId": id});
    message
}

fn media(file: &StoredFile) -> Value {
    json!({"type": "media", "url": file.url, "mimetype": "image/png"})
}

#[tokio::test]
async fn a_customers_file_is_uploaded_and_the_message_names_the_platforms_url() {
    let keyed = |configuration: &mut Value| configuration["apiKey"] = API_KEY.into();
    let files = Files::configured(MulticloudCx::start_behind_gateway().await, keyed).await;
    let mut named = files.host.file("chunked.png");
    named["filename"] = "Pärcel \"1\".png".into();
    for (id, file) in [("m-1", files.host.file("parcel.png")), ("m-2", named)] {
        let answer = files.post(id, &json!({"text": "look", "attachment": file})).await;
        assert_eq!(200, answer.status, "{:?}", answer.body);
        assert!(answer.body["id"].is_string(), "{:?}", answer.body);
    }
    let uploads = files.uploads();
    for (upload, name) in uploads.iter().zip(["parcel.png", "Pärcel %221%22.png"]) {
        assert_eq!((CHANNEL, name, "image/png"), (&*upload.channel, &*upload.name, &*upload.content_type));
        assert_eq!(PICTURE, upload.content);
    }
    let mut second = media(&uploads[1]);
    second["filename"] = "Pärcel \"1\".png".into();
    assert_eq!(
        vec![
            sms("m-1", &json!({"type": "RichMedia", "text": "look", "content": [media(&uploads[0])]})),
            sms("m-2", &json!({"type": "RichMedia", "text": "look", "content": [second]})),
        ],
        files.messages()
    );
}

#[tokio::test]
async fn a_file_and_its_message_have_one_trace() {
    const TRACE: &str = "05bb858a34684c82a8ce3b1a9c4e4b67";
    let files = Files::start().await;
    let body = |id: &str| Request::new(&written(id, &json!({"attachment": files.host.file("parcel.png")})));
    let timeout = Duration::from_secs(25);
    files.post_request(timeout, body("m-1").header("x-b3-traceid", TRACE).signed()).await;
    files.post_request(timeout, body("m-2").signed()).await;
    let (uploads, calls) = (files.uploads(), files.fixture.platform.calls());
    assert_eq!((Some(TRACE), Some(TRACE)), (uploads[0].trace_id.as_deref(), calls[0].trace_id.as_deref()));
    let new = uploads[1].trace_id.as_deref().expect("a trace");
    assert!(new.parse::<TraceId>().is_ok() && new != TRACE, "{new}");
    assert_eq!(Some(new), calls[1].trace_id.as_deref());
    assert!(files.function.log().contains(new));
}

#[tokio::test]
async fn a_posted_message_is_not_uploaded_again() {
    let files = Files::start().await;
    for _ in 0..2 {
        assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    }
    assert_eq!((1, 1), (files.uploads().len(), files.messages().len()));
}

#[tokio::test]
async fn several_files_are_uploaded_for_one_email_or_for_separate_messages() {
    let files = Files::start().await;
    let both = json!([files.host.file("parcel.png"), files.host.file("label.png")]);
    let answer = files.post("m-1", &json!({"text": "look", "attachments": both})).await;
    assert_eq!(200, answer.status, "{:?}", answer.body);
    let further = answer.body["furtherMessages"][0]["messageId"].as_str().expect("a second message");
    let answer = files.post("m-2", &json!({"email": {"html": "<p>hi</p>"}, "attachments": both})).await;
    assert_eq!(200, answer.status, "{:?}", answer.body);
    let uploads = files.uploads();
    let names: Vec<_> = uploads.iter().map(|upload| upload.name.as_str()).collect();
    assert_eq!(vec!["parcel.png", "label.png", "parcel.png", "label.png"], names);
    let mut mail = json!({
        "type": "Email",
        "content": [{"type": "html", "text": "<p>hi</p>"}, media(&uploads[2]), media(&uploads[3])],
    });
    mail["channel"] = json!({"type": "email", "from": {"id": CUSTOMER}, "to": {"id": CHANNEL}, "messageId": "m-2"});
    assert_eq!(
        vec![
            sms("m-1", &json!({"type": "RichMedia", "text": "look", "content": [media(&uploads[0])]})),
            sms(further, &json!({"type": "RichMedia", "content": [media(&uploads[1])]})),
            mail,
        ],
        files.messages()
    );
}

#[tokio::test]
async fn a_file_that_the_platform_refuses_is_named_in_the_text() {
    let files = Files::start().await;
    let file = files.host.file("parcel.png");
    let url = file["url"].as_str().unwrap();
    for (id, status) in [("m-1", 400), ("m-2", 413)] {
        files.fixture.platform.fail_uploads([Fault::Status(status)]);
        let answer = files.post_file(id, "parcel.png").await;
        assert_eq!(200, answer.status, "{:?}", answer.body);
    }
    let text = |id: &str| sms(id, &json!({"type": "Text", "text": format!("look\n{url}")}));
    assert_eq!(vec![text("m-1"), text("m-2")], files.messages());
    assert!(files.uploads().is_empty());
    let log = files.function.log();
    let statuses: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["outcome"] == "file_refused")
        .map(|line| line["status"].clone())
        .collect();
    assert_eq!(vec![json!(400), json!(413)], statuses);
    assert!(!log.contains("parcel.png") && !log.contains(CUSTOMER), "{log}");
}

#[tokio::test]
async fn an_email_names_the_refused_one_of_its_files_in_its_html() {
    let files = Files::start().await;
    files.fixture.platform.fail_uploads([Fault::Status(413)]);
    let (first, second) = (files.host.file("parcel.png"), files.host.file("label.png"));
    let html = json!({"html": "<p>hi</p>"});
    files.post("m-1", &json!({"email": html, "attachments": [first, second]})).await;
    let expected = json!([
        {"type": "html", "text": format!("<p>hi</p><p>{}</p>", first["url"].as_str().unwrap())},
        media(&files.uploads()[0]),
    ]);
    assert_eq!(expected, files.messages()[0]["content"]);
}

#[tokio::test]
async fn any_other_refusal_of_an_upload_is_an_error_and_the_message_can_be_repeated() {
    let files = Files::start().await;
    for (fault, status, code) in [(Fault::Code(350), 502, json!("350")), (Fault::Status(404), 404, json!("404"))] {
        files.fixture.platform.fail_uploads([fault]);
        let answer = files.post_file("m-1", "parcel.png").await;
        answer.assert_problem(status, "platform-refused");
        assert_eq!(code, answer.body["platform"]["code"]);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("uploadFiles") && detail.ends_with("Nothing was sent."), "{detail}");
    }
    assert!(files.messages().is_empty());
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    assert_eq!(1, files.messages().len());
}

#[tokio::test]
async fn a_lost_answer_to_an_upload_makes_a_second_file_at_worst() {
    let files = Files::start().await;
    files.fixture.platform.fail_uploads([Fault::ResponseLost]);
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    let uploads = files.uploads();
    assert_eq!(2, uploads.len());
    assert_eq!(json!([media(&uploads[1])]), files.messages()[0]["content"]);
    assert_eq!(1, files.messages().len());
}

#[tokio::test]
async fn while_no_upload_succeeds_nothing_is_posted_and_the_message_can_be_repeated() {
    let files = Files::start().await;
    files.fixture.platform.fail_uploads([Fault::Status(503); 5]);
    let answer = files.post_file("m-1", "parcel.png").await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.body["detail"].as_str().unwrap().ends_with("Nothing was sent."), "{:?}", answer.body);
    assert!(files.messages().is_empty());
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    assert_eq!((1, 1), (files.uploads().len(), files.messages().len()));
}

#[tokio::test]
async fn a_message_with_an_unknown_outcome_is_not_posted_again_with_its_uploaded_file() {
    let files = Files::start().await;
    // Of the message: an operation's own faults come first.
    files.fixture.platform.fail_uploads([Fault::Slow(Duration::ZERO)]);
    files.fixture.platform.fail([Fault::ResponseLost]);
    for _ in 0..2 {
        files.post_file("m-1", "parcel.png").await.assert_problem(504, "outcome-unknown");
    }
    assert_eq!((1, 1), (files.uploads().len(), files.messages().len()));
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_is_refused_and_its_message_not_posted() {
    let small = |configuration: &mut Value| configuration["media"]["maximumBytes"] = (PICTURE.len() - 1).into();
    let files = Files::configured(MulticloudCx::start().await, small).await;
    for (name, status, problem) in [
        ("parcel.png", 422, "media-refused"),
        ("chunked.png", 422, "media-refused"),
        ("empty.png", 422, "media-refused"),
        ("login.png", 422, "media-refused"),
        ("moved.png", 422, "media-refused"),
        ("missing.png", 422, "media-refused"),
        ("busy.png", 503, "unavailable"),
    ] {
        let answer = files.post_file("m-1", name).await;
        answer.assert_problem(status, problem);
        assert!(!answer.body.to_string().contains(name), "{name}: {:?}", answer.body);
    }
    assert_eq!(7, files.host.requests.load(Ordering::SeqCst), "a redirect is not followed");
    let both = json!([files.host.file("label.png"), files.host.file("missing.png")]);
    let answer = files.post("m-2", &json!({"channel": "Email", "attachments": both})).await;
    answer.assert_problem(422, "media-refused");
    assert!(answer.body["detail"].as_str().unwrap().starts_with("File 2 of 2: "), "{:?}", answer.body);
    assert!(files.messages().is_empty());
    // Nothing was posted, so the same message may come without its file.
    assert_eq!(200, files.post("m-1", &json!({"text": "look"})).await.status);
}

#[tokio::test]
async fn a_customers_file_is_not_fetched_from_a_private_address() {
    let untrusted = |configuration: &mut Value| configuration["media"] = json!({"maximumBytes": 1000});
    let files = Files::configured(MulticloudCx::start().await, untrusted).await;
    let port = files.host.server.origin.rsplit(':').next().unwrap();
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let file = json!({"url": format!("https://{host}:{port}/parcel.png"), "mime": "image/png"});
        let answer = files.post("m-1", &json!({"attachment": file})).await;
        answer.assert_problem(422, "media-refused");
        assert!(answer.body["detail"].as_str().unwrap().contains("private"), "{host}: {:?}", answer.body);
    }
    assert_eq!((0, 0), (files.host.requests.load(Ordering::SeqCst), files.fixture.platform.attempts()));
}

#[tokio::test]
async fn a_silent_host_takes_no_longer_than_its_share_of_the_shortest_timeout() {
    let files = Files::start().await;
    let body = written("m-1", &json!({"text": "look", "attachment": files.host.file("silent.png")}));
    let answer = files.post_request(SHORTEST_TIMEOUT, Request::new(&body).signed()).await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.body["detail"].as_str().unwrap().contains("did not arrive in time"), "{:?}", answer.body);
    let body = written("m-1", &json!({"text": "look", "attachment": files.host.file("parcel.png")}));
    let answer = files.post_request(SHORTEST_TIMEOUT, Request::new(&body).signed()).await;
    assert_eq!(200, answer.status, "{:?}", answer.body);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
async fn the_largest_file_arrives_intact_and_is_in_memory_once() {
    let files = Files::start().await;
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    let before = files.function.peak_memory();
    // With and without an announced length.
    for (name, id) in [("large.png", "m-2"), ("large-chunked.png", "m-3")] {
        let answer = files.post_file(id, name).await;
        assert_eq!(200, answer.status, "{:?}", answer.body);
        assert!(files.uploads().pop().unwrap().content == large(), "the content of {name} differs");
        let used = files.function.peak_memory() - before;
        assert!(used < 2 * LARGE as u64 / 1024, "{name}: {used} KiB");
    }
}

#[tokio::test]
async fn the_file_of_a_message_with_an_unsupported_field_is_not_uploaded() {
    let files = Files::start().await;
    let body = json!({"attachment": files.host.file("parcel.png"), "metadata": {"campaign": "spring"}});
    let answer = files.post("m-1", &body).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/metadata", answer.body["errors"][0]["pointer"]);
    assert_eq!((0, 0), (files.host.requests.load(Ordering::SeqCst), files.fixture.platform.attempts()));
}

#[tokio::test]
async fn a_link_is_text_and_is_not_fetched() {
    let files = Files::start().await;
    let mut link = files.host.file("parcel.png");
    link["mediaType"] = "Link".into();
    link["text"] = "The shop".into();
    assert_eq!(200, files.post("m-1", &json!({"attachment": link})).await.status);
    let text = format!("The shop\n{}", link["url"].as_str().unwrap());
    assert_eq!(vec![sms("m-1", &json!({"type": "Text", "text": text}))], files.messages());
    assert_eq!((0, 0), (files.host.requests.load(Ordering::SeqCst), files.uploads().len()));
}

#[tokio::test]
async fn a_channel_without_uploads_gets_the_files_own_url() {
    let off = |configuration: &mut Value| configuration["uploadFiles"] = false.into();
    let files = Files::configured(MulticloudCx::start().await, off).await;
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    let url = files.host.file("parcel.png")["url"].clone();
    let content = json!([{"type": "media", "url": url, "mimetype": "image/png"}]);
    assert_eq!(vec![sms("m-1", &json!({"type": "RichMedia", "text": "look", "content": content}))], files.messages());
    assert_eq!((0, 0), (files.host.requests.load(Ordering::SeqCst), files.uploads().len()));
}

#[tokio::test]
async fn a_file_is_uploaded_while_the_app_secret_is_rotated() {
    let both = |configuration: &mut Value| configuration["appSecrets"] = json!(["the-next-secret", APP_SECRET]);
    let files = Files::configured(MulticloudCx::start().await, both).await;
    assert_eq!(200, files.post_file("m-1", "parcel.png").await.status);
    assert_eq!((1, 1), (files.uploads().len(), files.messages().len()));
}
