//! Tests of the simulated platform over HTTP.

use super::{API_KEY, APP_SECRET, CONTACT_CENTER_ID, Fault, MulticloudCx};
use crate::simulators::genesys_cloud::ApiResponse;
use serde_json::{Value, json};
use shared::signature::hub;

struct Request {
    channel: &'static str,
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
        let body = body.to_string();
        let signature = hub::sign_sha1(body.as_bytes(), &APP_SECRET.into());
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-ccid", CONTACT_CENTER_ID.to_owned()),
            ("x-hub-signature", signature),
        ];
        Self { channel: "0123456789", headers, body }
    }

    fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    async fn try_post(self, platform: &MulticloudCx) -> Result<ApiResponse, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request =
            http.post(format!("{}/nexus/v3/channels/{}/messages", platform.url, self.channel)).body(self.body);
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
