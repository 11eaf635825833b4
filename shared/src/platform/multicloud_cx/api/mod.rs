//! Calls to Genesys Multicloud CX's API. They post messages and files to a channel; receipts are a type of message.
//!
//! Calls are signed like the platform's webhooks.

mod inbound;
mod media;
mod receipt;
mod request_body;
mod response;
#[cfg(test)]
mod tests;

pub(super) use inbound::check_inbound_message;

use super::config::Config;
use crate::http_client::HttpClient;
use crate::model::platform_name::PlatformName;
use crate::model::trace_id::{TraceId, X_B3_TRACE_ID};
use crate::observability::logging::set_trace_id;
use crate::platform::ApiError;
use crate::platform::transport::{self, ApiResponse, DEFAULT_RETRY_POLICY};
use crate::signature::PREVIOUS_SECRET;
use crate::signature::hub::X_HUB_SIGNATURE;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use request_body::RequestBody;
use response::PostResponse;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::borrow::Cow;
use tokio::time::Instant;
use url::Url;

const X_CCID: HeaderName = HeaderName::from_static("x-ccid");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A client for all integrations.
#[derive(Debug)]
pub struct Client {
    http: HttpClient,
}

/// What a channel has.
#[derive(Debug, Clone, Copy)]
enum Resource {
    Messages,
    Media,
}

impl Resource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Media => "media",
        }
    }
}

/// The body of messages and receipts.
#[derive(Serialize)]
struct Messages<M> {
    messages: Vec<M>,
}

/// The sender and the recipient of a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'m> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'static str>,
    from: Address<'m>,
    to: Address<'m>,
    message_id: &'m str,
}

#[derive(Serialize)]
struct Address<'m> {
    id: &'m str,
}

struct Call<'c> {
    config: &'c Config,
    url: Url,
    body: RequestBody,
    trace_id: &'c TraceId,
}

impl Client {
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// Posts messages or receipts: see [`Self::post`]. Nothing documents that the platform deduplicates messages by id.
    async fn post_messages(
        &self,
        config: &Config,
        messages: Vec<impl Serialize>,
        trace_id: Option<&TraceId>,
        idempotent: bool,
        deadline: Instant,
    ) -> Result<PostResponse, ApiError> {
        let body = RequestBody::json(&Messages { messages })?;
        self.post(config, Resource::Messages, body, trace_id, idempotent, deadline).await
    }

    /// Posts `body` to the integration's channel before `deadline`. Calls with unknown outcome are only retried if they
    /// are `idempotent`. Without a trace id, the call gets a new one.
    async fn post(
        &self,
        config: &Config,
        resource: Resource,
        body: RequestBody,
        trace_id: Option<&TraceId>,
        idempotent: bool,
        deadline: Instant,
    ) -> Result<PostResponse, ApiError> {
        let path = ["nexus", "v3", "channels", &config.channel_id, resource.as_str()];
        let url = transport::join_path(config.api_base_url.url(), &path)?;
        let trace_id = trace_id.map_or_else(|| Cow::Owned(TraceId::random()), Cow::Borrowed);
        set_trace_id(trace_id.as_str());
        let call = Call { config, url, body, trace_id: &trace_id };
        let is_retryable = |error: &ApiError| error.is_retryable(idempotent);
        transport::with_retries(DEFAULT_RETRY_POLICY, is_retryable, deadline, || self.signed_attempt(&call, deadline))
            .await
    }

    /// One attempt, signed with the current secret, and with each previous secret as long as the platform rejects the
    /// signature: during a rotation, it is not known when the platform switches to the new secret.
    async fn signed_attempt(&self, call: &Call<'_>, deadline: Instant) -> Result<PostResponse, ApiError> {
        let (current, previous) =
            call.config.app_secrets.split_first().ok_or(ApiError::NotSent("no secret to sign with"))?;
        let mut result = self.attempt(call, current, previous.is_empty(), deadline).await;
        for (index, secret) in previous.iter().enumerate() {
            if !result.as_ref().is_err_and(is_rejected_signature) {
                break;
            }
            result = self.attempt(call, secret, index + 1 == previous.len(), deadline).await;
            // Any other response means that the platform accepted the signature.
            if !matches!(&result, Err(error) if is_rejected_signature(error) || matches!(error, ApiError::NotSent(_))) {
                // It is not the secret of the caller whose request this is.
                tracing::info!(outcome = "previous_secret_used", secret = PREVIOUS_SECRET, caller = "");
            }
        }
        result
    }

    /// One call, signed with `secret`. A rejected signature is only an error of the credentials if the secret is the last.
    async fn attempt(
        &self,
        call: &Call<'_>,
        secret: &SecretString,
        is_last: bool,
        deadline: Instant,
    ) -> Result<PostResponse, ApiError> {
        let mut request = self
            .http
            .request(Method::POST, call.url.clone())
            .timeout(transport::attempt_timeout(deadline)?)
            .header(header::CONTENT_TYPE, &call.body.content_type)
            .header(header::CONTENT_LENGTH, call.body.length())
            .header(X_CCID, &call.config.contact_center_id)
            .header(X_HUB_SIGNATURE, call.body.signature(secret))
            .header(X_B3_TRACE_ID, call.trace_id.as_str())
            .body(call.body.to_request());
        if let Some(key) = &call.config.api_key {
            let mut key = HeaderValue::from_str(key.expose_secret())
                .map_err(|_| ApiError::NotSent("the API key is not valid in a header"))?;
            key.set_sensitive(true);
            request = request.header(X_API_KEY, key);
        }
        let classify = |ApiResponse { status, headers, body }: ApiResponse| match PostResponse::read(
            status,
            &headers,
            body.ok().as_deref(),
        ) {
            Err(ApiError::Credentials(error)) if !is_last => Err(ApiError::Refused(error)),
            result => result,
        };
        transport::call(&self.http, PlatformName::MulticloudCx, request, Some(call.trace_id), classify).await
    }
}

/// Whether the platform may have rejected the signature, so that another secret might be accepted.
fn is_rejected_signature(error: &ApiError) -> bool {
    let statuses = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
    error.platform_error().is_some_and(|error| statuses.contains(&error.status))
}

#[cfg(test)]
fn receipts_json(config: &Config, receipts: &[&crate::model::receipt::DeliveryReceipt]) -> String {
    let messages = receipts.iter().map(|receipt| receipt::Receipt::new(config, receipt)).collect();
    RequestBody::json(&Messages { messages }).unwrap().text()
}

#[cfg(test)]
fn inbound_json(config: &Config, message: &crate::model::inbound::InboundMessage) -> Result<String, ApiError> {
    let messages = vec![inbound::InboundPayload::new(config, message)?];
    Ok(RequestBody::json(&Messages { messages })?.text())
}
