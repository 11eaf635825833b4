//! Tests through the functions themselves, without side effects, whether they use the new secret.

use super::target::RotationTarget;
use crate::api::client::sign_request;
use crate::api::endpoint::Endpoint;
use crate::api::response::ApiResponse;
use crate::api::trial_request::{self, EMPTY_REQUEST, INVALID_WEBHOOK};
use crate::aws::stack::Stack;
use crate::aws::test_delivery;
use crate::error::CliError;
use http::header;
use reqwest::RequestBuilder;
use shared::api::problem::ProblemType;
use shared::channel::TrialRequest;
use shared::delivery::probe::{ProbeOutcome, ProbeResult, SignedWith};
use shared::integration::Integration;
use uuid::Uuid;

/// Tests the new secret. Returns the observation, or `None` if the secret cannot be tested without side effects.
pub(super) async fn new_secret(
    stack: &Stack,
    target: &RotationTarget,
    integration: &Integration,
    version: &str,
) -> Result<Option<&'static str>, CliError> {
    match target {
        RotationTarget::Signing => {
            let result = test_delivery(stack, integration, SignedWith::All, version).await?;
            match &result.outcome {
                ProbeOutcome::Answered(200..=299) => {
                    Ok(Some("the messaging service accepts a test delivery that a function signed with both"))
                }
                ProbeOutcome::Answered(status) if may_accept_signature(*status) => Ok(Some(
                    "the messaging service refuses a test delivery that a function signed with both, but not \
                     because of the signature",
                )),
                other => Err(CliError::Failed(format!(
                    "a test delivery signed with both secrets failed: {}; do not change the messaging service's \
                     secret yet",
                    describe_outcome(other)
                ))),
            }
        }
        RotationTarget::Webhook | RotationTarget::WebhookHeader | RotationTarget::App => {
            let url = stack.route_url(&format!("{}/webhook", integration.name)).await?;
            let request = stack.http_client()?.post(url).header(header::CONTENT_TYPE, "application/json");
            let headers = integration.platform.sign(INVALID_WEBHOOK.as_bytes()).into_iter();
            let request = headers.fold(request, |request, (name, value)| request.header(name, value));
            require_accepted(request.body(INVALID_WEBHOOK)).await?;
            Ok(Some(match target {
                RotationTarget::WebhookHeader => "the webhook accepts the header with the new secret",
                _ => "the webhook accepts a signature by the new secret",
            }))
        }
        RotationTarget::Caller(caller) => {
            let Some(caller) = integration.callers.iter().find(|one| one.name == *caller) else { return Ok(None) };
            let Some(route) = trial_request::trial_route(&trial_request::allowed_routes(integration, caller)) else {
                return Ok(None);
            };
            let url = stack.route_url(&Endpoint::Caller(route).path_of(integration.name.as_str())).await?;
            let key = format!("msg_{}", Uuid::new_v4().simple());
            require_accepted(sign_request(
                &caller.credential,
                stack.http_client()?.post(url),
                &key,
                EMPTY_REQUEST.into(),
            ))
            .await?;
            Ok(Some("the API accepts the caller's new secret"))
        }
        RotationTarget::ChannelWebhook | RotationTarget::AuthToken => {
            let Some(channel) = integration.destination.channel() else { return Ok(None) };
            let url = stack.route_url(&format!("{}/channel", integration.name)).await?;
            // Twilio signs the public URL.
            let url = if *target == RotationTarget::AuthToken {
                channel.address().as_str().parse().unwrap_or(url)
            } else {
                url
            };
            let TrialRequest { headers, body } = channel.trial_request();
            let request = stack.http_client()?.post(url).body(body);
            let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            require_acknowledged(request).await?;
            Ok(Some("the channel's address accepts the new secret"))
        }
        RotationTarget::Client
        | RotationTarget::Token
        | RotationTarget::ApiKey
        | RotationTarget::BotToken
        | RotationTarget::ChannelApiKey => Ok(None),
    }
}

/// Requires that the messaging service accepts a delivery that is signed with the current secret only.
pub(super) async fn current_signing_secret(
    stack: &Stack,
    integration: &Integration,
    version: &str,
) -> Result<(), CliError> {
    let result = test_delivery(stack, integration, SignedWith::Current, version).await?;
    match &result.outcome {
        ProbeOutcome::Answered(401 | 403) => Err(CliError::Failed(format!(
            "the messaging service does not accept the new secret yet: {} to a test delivery that is signed with it \
             only. Give it the new secret first; until then every delivery is signed with both",
            describe_outcome(&result.outcome)
        ))),
        ProbeOutcome::Answered(200..=299) => Ok(()),
        other => Err(CliError::Failed(format!(
            "it is unknown whether the messaging service accepts the new secret: {} to a test delivery. It must \
             verify the signature of deliveries of the type `test` and answer 2xx",
            describe_outcome(other)
        ))),
    }
}

/// A test delivery by a function that uses this version of the configuration.
async fn test_delivery(
    stack: &Stack,
    integration: &Integration,
    signed_with: SignedWith,
    version: &str,
) -> Result<ProbeResult, CliError> {
    let result = test_delivery::send(stack, &integration.name, signed_with).await?;
    match &result.version {
        Some(used) if used != version => Err(CliError::Failed(
            "a function still uses another version of the configuration: run this again in a minute".to_owned(),
        )),
        _ => Ok(result),
    }
}

/// Whether a refusal with this status suggests that one of the two signatures was accepted. A messaging service may
/// not know the type `test`. Some answer 400 to a wrong signature too, so that this proves nothing about a single one.
fn may_accept_signature(status: u16) -> bool {
    matches!(status, 400 | 409 | 422)
}

fn describe_outcome(outcome: &ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Answered(status) => format!("status {status}"),
        ProbeOutcome::NotAnswered(why) => format!("no answer ({})", why.as_str()),
        ProbeOutcome::NotConfigured(why) => format!("the function has no usable configuration ({why})"),
    }
}

/// Requires that a trial request is rejected for its body, and not for its credential.
async fn require_accepted(request: RequestBuilder) -> Result<(), CliError> {
    let answer = send(request).await?;
    if answer.problem() == Some(ProblemType::InvalidBody) { Ok(()) } else { Err(refused(&answer)) }
}

/// Requires that a trial request of a channel's provider is acknowledged.
async fn require_acknowledged(request: RequestBuilder) -> Result<(), CliError> {
    let answer = send(request).await?;
    if answer.is_success() { Ok(()) } else { Err(refused(&answer)) }
}

async fn send(request: RequestBuilder) -> Result<ApiResponse, CliError> {
    let response = request.send().await.map_err(|error| {
        CliError::Failed(format!("the API cannot be reached: {}", shared::aws::error_chain(&error.without_url())))
    })?;
    ApiResponse::read(response, "run this again").await
}

fn refused(answer: &ApiResponse) -> CliError {
    match answer.problem() {
        Some(ProblemType::InvalidSignature | ProblemType::Unauthenticated) => CliError::Failed(
            "a function does not accept the new secret, though it should have read it: check with `patchbay doctor`, \
             and run this again"
                .to_owned(),
        ),
        _ => CliError::Failed(format!("the new secret cannot be tested: {}", answer.describe_error())),
    }
}
