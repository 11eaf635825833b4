//! The calls that we make to Genesys Multicloud CX: all of them put messages, of which receipts are a kind, into a channel.
//!
//! Every call is signed as the platform signs its own, and has time-outs and repeats as every platform's calls have them.

mod answer;
mod inbound;
mod receipt;
#[cfg(test)]
mod tests;

use super::config::Config;
use crate::model::platform_name::PlatformName;
use crate::model::trace_id::{TraceId, X_B3_TRACE_ID};
use crate::platform::ApiError;
use crate::platform::transport::{self, ApiResponse, DEFAULT_RETRY_POLICY};
use crate::signature::PREVIOUS_SECRET;
use crate::signature::hub::{self, X_HUB_SIGNATURE};
use answer::Answer;
use http::{HeaderName, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

const X_CCID: HeaderName = HeaderName::from_static("x-ccid");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Calls Genesys Multicloud CX for all integrations of this process.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
}

/// The body of every call.
#[derive(Serialize)]
struct Messages<M> {
    messages: Vec<M>,
}

/// Where a message comes from and goes to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'m> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'static str>,
    from: Address<'m>,
    to: Address<'m>,
    message_id: &'m str,
}

/// One end.
#[derive(Serialize)]
struct Address<'m> {
    id: &'m str,
}

/// One call, ready to be made.
struct Call<'c> {
    config: &'c Config,
    url: Url,
    body: Vec<u8>,
    trace_id: Option<&'c TraceId>,
}

impl Client {
    /// A client; one a process will do.
    ///
    /// # Errors
    /// The TLS stack could not be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: transport::client()? })
    }

    /// Puts `messages` into the integration's channel, before `deadline`. A call that may have been done is repeated where
    /// it `may_repeat` only: nothing says that the platform tells a repeated message by its id.
    async fn post(
        &self,
        config: &Config,
        messages: Vec<impl Serialize>,
        trace_id: Option<&TraceId>,
        may_repeat: bool,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let url = transport::join_path(
            config.api_base_url.url(),
            &["nexus", "v3", "channels", &config.channel_id, "messages"],
        )?;
        let call = Call { config, url, body: transport::json_body(&Messages { messages })?, trace_id };
        let may_repeat = |error: &ApiError| error.is_retryable(may_repeat);
        transport::with_retries(DEFAULT_RETRY_POLICY, may_repeat, deadline, || self.signed_attempt(&call, deadline))
            .await
    }

    /// One attempt, signed with the current secret; and another behind it for each previous secret, as long as the platform
    /// refuses: during a rotation only the platform knows when it changes over.
    async fn signed_attempt(&self, call: &Call<'_>, deadline: Instant) -> Result<Answer, ApiError> {
        let (current, previous) =
            call.config.app_secrets.split_first().ok_or(ApiError::NotSent("no secret to sign with"))?;
        let mut result = self.attempt(call, current, previous.is_empty(), deadline).await;
        for (index, secret) in previous.iter().enumerate() {
            if !result.as_ref().is_err_and(is_refused_signature) {
                break;
            }
            result = self.attempt(call, secret, index + 1 == previous.len(), deadline).await;
            // Whatever else it answers, it has looked at the signature.
            if !matches!(&result, Err(error) if is_refused_signature(error) || matches!(error, ApiError::NotSent(_))) {
                tracing::info!(outcome = "previous_secret_used", secret = PREVIOUS_SECRET);
            }
        }
        result
    }

    /// One call, signed with `secret`. That the platform refuses it is for an operator to see to only if it is the last
    /// one.
    async fn attempt(
        &self,
        call: &Call<'_>,
        secret: &SecretString,
        is_last: bool,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let mut request = self
            .http
            .post(call.url.clone())
            .timeout(transport::attempt_timeout(deadline)?)
            .header(header::CONTENT_TYPE, "application/json")
            .header(X_CCID, &call.config.contact_center_id)
            .header(X_HUB_SIGNATURE, hub::sign_sha1(&call.body, secret))
            .body(call.body.clone());
        if let Some(key) = &call.config.api_key {
            let mut key = HeaderValue::from_str(key.expose_secret())
                .map_err(|_| ApiError::NotSent("the key cannot stand in a header"))?;
            key.set_sensitive(true);
            request = request.header(X_API_KEY, key);
        }
        if let Some(trace_id) = call.trace_id {
            request = request.header(X_B3_TRACE_ID, trace_id.as_str());
        }
        let judge = |ApiResponse { status, headers, body }: ApiResponse| match Answer::read(
            status,
            &headers,
            body.ok().as_deref(),
        ) {
            Err(ApiError::Credentials(error)) if !is_last => Err(ApiError::Refused(error)),
            result => result,
        };
        transport::call(PlatformName::MulticloudCx, request, call.trace_id, judge).await
    }
}

/// Whether another secret may be the one that the platform wants.
fn is_refused_signature(error: &ApiError) -> bool {
    let statuses = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
    error.platform_error().is_some_and(|words| statuses.contains(&words.status))
}

/// The bytes that these receipts are posted as.
#[cfg(test)]
fn posted_receipts(config: &Config, receipts: &[&crate::model::receipt::DeliveryReceipt]) -> String {
    let messages = receipts.iter().map(|receipt| receipt::Receipt::new(config, receipt)).collect();
    String::from_utf8(transport::json_body(&Messages { messages }).unwrap()).unwrap()
}

/// The bytes that this message is posted as.
#[cfg(test)]
fn posted_written(config: &Config, message: &crate::model::inbound::InboundMessage) -> Result<String, ApiError> {
    let messages = vec![inbound::Written::new(config, message)?];
    Ok(String::from_utf8(transport::json_body(&Messages { messages })?).unwrap())
}
