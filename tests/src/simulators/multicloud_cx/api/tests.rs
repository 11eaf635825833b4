//! Tests of the simulated platform over HTTP.

use super::{API_KEY, APP_SECRET, CONTACT_CENTER_ID, Fault, MulticloudCx};
use crate::simulators::genesys_cloud::ApiResponse;
use serde_json::{Value, json};
use shared::signature::hub;

struct Request {
    channel: &'static str,
    resource: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    /// A valid request.
    fn good() -> Self {
        let channel =
            json!({"type": "sms", "from": {"id": "16504661149"}, "to": {"id": "0123456789"}, "messageId": "m-1"});
        Self::of(&json!({"messages": [{"channel": channel, "type": "Text", "text": "hello"}]}))
    }

    fn of(body: &Value) -> Self {
        Self::with_body("messages", "application/json", body.to_string())
    }

    /// A form of these parts: their headers and contents.
    fn form(parts: &[(&str, &str)]) -> Self {
        let parts = parts.iter().map(|(headers, content)| format!("--b\r\n{headers}\r\n\r\n{content}\r\n"));
        let body = parts.collect::<String>() + "--b--\r\n";
        Self::with_body("media", "multipart/form-data; boundary=b", body)
    }

    fn with_body(resource: &'static str, content_type: &str, body: String) -> Self {
        let signature = hub::sign_sha1(body.as_bytes(), &APP_SECRET.into());
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("x-ccid", CONTACT_CENTER_ID.to_owned()),
            ("x-hub-signature", signature),
        ];
        Self { channel: "0123456789", resource, headers, body }
    }

    fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    async fn try_post(self, platform: &MulticloudCx) -> Result<ApiResponse, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/nexus/v3/channels/{}/{}", platform.url, self.channel, self.resource);
        let mut request = http.post(url).body(self.body);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        Ok(ApiResponse::read(request.send().await?).await)
    }

    async fn post(self, platform: &MulticloudCx) -> (u16, Value) {
        let answer = self.try_post(platform).await.unwrap();
        (answer.status.as_u16(), answer.body)
    }
}

#[tokio::test]
async fn a_valid_call_succeeds_and_the_same_message_has_the_same_id() {
    let platform = MulticloudCx::start().await;
    let (status, first) = Request::good().post(&platform).await;
    assert_eq!((200, &json!(0)), (status, &first["status"]["code"]));
    assert!(first["data"]["ids"][0].is_string(), "{first}");
    assert_eq!(first, Request::good().post(&platform).await.1);
    assert_eq!((2, "hello"), (platform.calls().len(), platform.messages()[0]["text"].as_str().unwrap()));
}

#[tokio::test]
async fn an_unknown_client_gets_401_and_an_invalid_request_400() {
    let platform = MulticloudCx::start().await;
    let upper = hub::sign_sha1(Request::good().body.as_bytes(), &APP_SECRET.into()).to_ascii_uppercase();
    for (name, value, expected) in [
        ("x-ccid", None, 401),
        ("x-ccid", Some("another"), 401),
        ("x-hub-signature", None, 401),
        ("x-hub-signature", Some("sha1=a5dfd6fad72a202b4445dc8addb44862f148f3ab"), 401),
        ("x-hub-signature", Some(upper.as_str()), 401),
        ("content-type", Some("text/plain"), 400),
    ] {
        assert_eq!(expected, Request::good().header(name, value).post(&platform).await.0, "{name} {value:?}");
    }
    let elsewhere = Request { channel: "9876543210", ..Request::good() };
    assert_eq!(400, elsewhere.post(&platform).await.0);
    let (status, body) = Request::of(&json!({"messages": [{"type": "Text", "text": "hello"}]})).post(&platform).await;
    assert_eq!((400, &json!(520)), (status, &body["status"]["code"]));
    assert!(platform.calls().is_empty());
}

#[tokio::test]
async fn behind_its_gateway_it_requires_a_key() {
    let platform = MulticloudCx::start_behind_gateway().await;
    assert_eq!(401, Request::good().post(&platform).await.0);
    assert_eq!(200, Request::good().header("x-api-key", Some(API_KEY)).post(&platform).await.0);
}

#[tokio::test]
async fn it_injects_the_configured_faults() {
    let platform = MulticloudCx::start().await;
    platform.fail([Fault::Status(503), Fault::Code(350), Fault::RateLimited(7), Fault::Reset, Fault::ResponseLost]);
    assert_eq!(503, Request::good().post(&platform).await.0);
    let (status, body) = Request::good().post(&platform).await;
    assert_eq!((200, &json!(350)), (status, &body["status"]["code"]));
    let limited = Request::good().try_post(&platform).await.unwrap();
    assert_eq!((429, Some("7")), (limited.status.as_u16(), limited.retry_after.as_deref()));
    assert!(Request::good().try_post(&platform).await.is_err());
    assert!(platform.calls().is_empty());
    assert!(Request::good().try_post(&platform).await.is_err());
    assert_eq!((1, 5), (platform.calls().len(), platform.attempts()));
}

const FILE: (&str, &str) =
    ("Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png", "content");

fn rich_media(url: &Value) -> Request {
    let channel = json!({"type": "sms", "from": {"id": "1"}, "to": {"id": "0123456789"}, "messageId": "m-1"});
    let content = json!([{"type": "media", "url": url, "mimetype": "image/png"}]);
    Request::of(&json!({"messages": [{"channel": channel, "type": "RichMedia", "content": content}]}))
}

#[tokio::test]
async fn a_file_is_stored_under_a_url_that_messages_of_its_channel_may_name() {
    let platform = MulticloudCx::start().await;
    let (status, answer) = Request::form(&[FILE]).post(&platform).await;
    assert_eq!((200, &json!(0)), (status, &answer["status"]["code"]));
    let data = &answer["data"];
    assert_eq!(
        (&json!("a.png"), &json!("image/png"), &json!(7)),
        (&data["filename"], &data["mimetype"], &data["length"])
    );
    assert_eq!("content", platform.files()[0].content);
    let (_, again) = Request::form(&[FILE]).post(&platform).await;
    assert_ne!(data["url"], again["data"]["url"], "a repeat is another file");
    assert_eq!(200, rich_media(&data["url"]).post(&platform).await.0);
    assert_eq!(400, rich_media(&json!("genesys://nexus/unknown")).post(&platform).await.0);
    let elsewhere = Request { channel: "9876543210", ..Request::form(&[FILE]) };
    let (_, elsewhere) = elsewhere.post(&platform).await;
    assert_eq!(400, rich_media(&elsewhere["data"]["url"]).post(&platform).await.0);
}

#[tokio::test]
async fn an_upload_that_is_not_one_named_file_with_a_signature_of_all_its_bytes_is_refused() {
    let platform = MulticloudCx::start().await;
    let (headers, _) = FILE;
    for parts in [
        [].as_slice(),
        &[FILE, FILE],
        &[(headers, "")],
        &[("Content-Disposition: form-data; name=\"other\"; filename=\"a.png\"\r\nContent-Type: image/png", "content")],
        &[("Content-Disposition: form-data; name=\"file\"\r\nContent-Type: image/png", "content")],
        &[("Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"", "content")],
    ] {
        assert_eq!(400, Request::form(parts).post(&platform).await.0, "{parts:?}");
    }
    let json = Request::form(&[FILE]).header("content-type", Some("application/json"));
    assert_eq!(400, json.post(&platform).await.0);
    let mut changed = Request::form(&[FILE]);
    changed.body = changed.body.replace("content\r", "contents\r");
    assert_eq!(401, changed.post(&platform).await.0);
    assert_eq!(401, Request::form(&[FILE]).header("x-ccid", None).post(&platform).await.0);
    assert!(platform.files().is_empty());
}

#[tokio::test]
async fn it_injects_the_configured_faults_into_uploads_only() {
    let platform = MulticloudCx::start().await;
    platform.fail_uploads([Fault::Status(413), Fault::ResponseLost]);
    assert_eq!(200, Request::good().post(&platform).await.0);
    assert_eq!(413, Request::form(&[FILE]).post(&platform).await.0);
    assert!(platform.files().is_empty());
    assert!(Request::form(&[FILE]).try_post(&platform).await.is_err());
    assert_eq!(1, platform.files().len());
}
