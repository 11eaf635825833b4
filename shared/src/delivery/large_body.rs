//! Large bodies in requests to SQS.
//!
//! The SDK escapes a message's body byte by byte when it writes the request's JSON: of a webhook of 900 KB, that is a quarter
//! of the CPU time. `serde_json` escapes many bytes at once. So the SDK writes the request with a placeholder, which is
//! replaced by the body before the request is signed.

use aws_sdk_sqs::config::http::HttpRequest;
use http::header::CONTENT_LENGTH;
use memchr::memmem;

/// Smaller bodies, nearly all, are left to the SDK.
pub(super) const LARGE: usize = 65_536;
/// No other member of the request contains spaces.
pub(super) const PLACEHOLDER: &str = "the body of the message";

/// The SDK writes requests in another way than this version does.
#[derive(Debug, thiserror::Error)]
#[error("the request has no place for the message's body")]
pub(super) struct NoPlaceholder;

/// Replaces the placeholder in a request by the body of the message.
pub(super) fn insert(mut request: HttpRequest, body: &str) -> Result<HttpRequest, NoPlaceholder> {
    let json = with_body(request.body().bytes().unwrap_or_default(), body).ok_or(NoPlaceholder)?;
    request.headers_mut().insert(CONTENT_LENGTH.as_str(), json.len().to_string());
    *request.body_mut() = json.into();
    Ok(request)
}

fn with_body(request: &[u8], body: &str) -> Option<Vec<u8>> {
    let (before, rest) = request.split_at_checked(memmem::find(request, PLACEHOLDER.as_bytes())?)?;
    let before = before.strip_suffix(b"\"")?;
    let after = rest.get(PLACEHOLDER.len()..)?.strip_prefix(b"\"")?;
    // Room for escapes: a quotation mark every eight bytes.
    let mut json = Vec::with_capacity(request.len() + body.len() + body.len() / 8);
    json.extend_from_slice(before);
    serde_json::to_writer(&mut json, body).ok()?;
    json.extend_from_slice(after);
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::queue::MessageQueue;
    use crate::digest::Digest;
    use aws_sdk_sqs::config::retry::RetryConfig;
    use aws_sdk_sqs::config::{BehaviorVersion, Config, Credentials, Region, SharedHttpClient};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    const URL: &str = "https://sqs.eu-central-1.amazonaws.com/1/messages.fifo";

    /// SQS, which fails the first call. Keeps the requests.
    #[derive(Debug, Clone, Default)]
    struct Sqs(Arc<Mutex<Vec<Value>>>);

    impl HttpConnector for Sqs {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = request.body().bytes().unwrap();
            assert_eq!(Some(&*body.len().to_string()), request.headers().get("content-length"));
            let mut requests = self.0.lock().unwrap();
            requests.push(serde_json::from_slice(body).unwrap());
            let status = if requests.len() == 1 { 500 } else { 200 };
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from("{}"))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_any_size_is_sent_whole_on_every_attempt() {
        let strange = "\"\\\u{0}\u{8}\u{c}\n\r\t\u{1f}\u{7f}ä\u{2028}😀";
        for body in [
            "{}".to_owned(),
            strange.to_owned(),
            "x".repeat(LARGE - 1),
            "x".repeat(LARGE),
            format!("{PLACEHOLDER}{}", strange.repeat(LARGE / 10)),
        ] {
            let sqs = Sqs::default();
            let connector = sqs.clone();
            let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-central-1"))
                .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
                .retry_config(RetryConfig::standard())
                .http_client(SharedHttpClient::new(http))
                .build();
            let queue = MessageQueue::new(aws_sdk_sqs::Client::from_conf(config), URL.to_owned());
            let (group, id) = (Digest::of_bytes(b"group"), Digest::of_bytes(b"id"));
            queue.send(&group, &id, body.clone()).await.unwrap();
            let expected = json!({
                "QueueUrl": URL, "MessageBody": body,
                "MessageGroupId": group.as_str(), "MessageDeduplicationId": id.as_str(),
            });
            let requests = sqs.0.lock().unwrap();
            assert_eq!(vec![expected.clone(), expected], *requests);
        }
    }

    #[test]
    fn a_request_without_the_placeholder_is_not_sent() {
        for request in ["", "{}", PLACEHOLDER, r#"{"MessageBody":"another body"}"#] {
            assert_eq!(None, with_body(request.as_bytes(), "body"));
        }
    }
}
