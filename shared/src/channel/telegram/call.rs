//! One call of Telegram's API.

use super::answer::{Accepted, Failure, classify};
use super::bot::Bot;
use super::part::Parameters;
use crate::channel::error::NoAnswer;
use crate::http_client::{FormFile, HttpClient, form_data, read_body_limited};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// No call starts with less time than this: it would probably time out, and its outcome would be unknown.
pub(super) const MIN_TIME: Duration = Duration::from_secs(2);
/// The same for a call with a file.
pub(super) const MIN_UPLOAD_TIME: Duration = Duration::from_secs(8);
pub(super) const NO_TIME: Failure = Failure::NotCalled("no time was left");
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// Makes a call without a file.
pub(super) async fn call(
    http: &HttpClient,
    bot: &Bot,
    method: &'static str,
    parameters: &Parameters,
    deadline: Instant,
) -> Result<Accepted, Failure> {
    let body = serde_json::to_vec(parameters).map_err(|_| Failure::NotCalled("the parameters cannot be serialized"))?;
    let request =
        post(http, bot, method, MIN_TIME, deadline)?.header(header::CONTENT_TYPE, "application/json").body(body);
    send(http, request, method).await
}

/// Makes a call with a file.
pub(super) async fn upload(
    http: &HttpClient,
    bot: &Bot,
    method: &'static str,
    parameters: &Parameters,
    file: &FormFile<'_>,
    deadline: Instant,
) -> Result<Accepted, Failure> {
    // In a form, a value that is not a text is JSON.
    let texts = parameters.iter().map(|(name, value)| match value {
        Value::String(text) => (name.as_str(), text.clone()),
        other => (name.as_str(), other.to_string()),
    });
    let (content_type, parts) = form_data(texts, file).map_err(|_| Failure::NotCalled("the form cannot be built"))?;
    let length: usize = parts.iter().map(Bytes::len).sum();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(parts.into_iter().map(Ok::<_, Infallible>)));
    let request = post(http, bot, method, MIN_UPLOAD_TIME, deadline)?
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, HeaderValue::from(length))
        .body(body);
    send(http, request, method).await
}

fn post(
    http: &HttpClient,
    bot: &Bot,
    method: &str,
    min_time: Duration,
    deadline: Instant,
) -> Result<reqwest::RequestBuilder, Failure> {
    let url = bot.method_url(method).ok_or(Failure::NotCalled("the API's address cannot be used"))?;
    request(http, Method::POST, url, min_time, deadline).ok_or(NO_TIME)
}

/// A request, if there is time for it. A call whose outcome is unknown cannot be repeated, so a slow answer is waited for
/// until the deadline.
pub(super) fn request(
    http: &HttpClient,
    method: Method,
    url: Url,
    min_time: Duration,
    deadline: Instant,
) -> Option<reqwest::RequestBuilder> {
    let left = deadline.saturating_duration_since(Instant::now());
    (left >= min_time).then(|| http.request(method, url).timeout(left))
}

async fn send(http: &HttpClient, request: reqwest::RequestBuilder, method: &'static str) -> Result<Accepted, Failure> {
    let started = Instant::now();
    let (result, status) = match http.send(request).await {
        Ok(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_body_limited(response, MAX_ANSWER_BYTES).await;
            (classify(status, &headers, body), Some(status.as_u16()))
        }
        Err(error) => (Err(Failure::NoAnswer(NoAnswer::from(&error))), None),
    };
    let milliseconds = started.elapsed().as_millis() as u64;
    let is_accepted = result.is_ok();
    tracing::debug!(outcome = "channel_called", channel = "telegram", method, status, is_accepted, milliseconds);
    result
}
