//! Whether the functions use the new secret, tried through the functions themselves and without an effect.

use super::target::Target;
use crate::answer::Answer;
use crate::caller::as_caller;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::probe;
use crate::stack::Stack;
use crate::trial::{self, NO_MESSAGE, NO_REQUEST};
use http::header;
use reqwest::RequestBuilder;
use shared::delivery::probe::{ProbeOutcome, ProbeResult, SignedWith};
use shared::integration::Integration;
use uuid::Uuid;

/// Tries the new secret. Returns what has been seen; nothing where it cannot be tried without an effect.
pub(super) async fn new_secret(
    stack: &Stack,
    target: &Target,
    integration: &Integration,
    version: &str,
) -> Result<Option<&'static str>, Failure> {
    match target {
        Target::Signing => {
            let result = test_delivery(stack, integration, SignedWith::All, version).await?;
            match &result.outcome {
                ProbeOutcome::Answered(status) if takes_signature(*status) => {
                    Ok(Some("the messaging service takes a test delivery that a function signed with both"))
                }
                other => Err(Failure::Failed(format!(
                    "a test delivery signed with both secrets did not get through: {}; give the messaging service \
                     nothing yet",
                    words(other)
                ))),
            }
        }
        Target::Webhook | Target::App => {
            let Some((name, value)) = integration.platform.sign(NO_MESSAGE.as_bytes()) else { return Ok(None) };
            let url = stack.route(&format!("{}/webhook", integration.name)).await?;
            let request = stack.http()?.post(url).header(header::CONTENT_TYPE, "application/json").header(name, value);
            is_taken(request.body(NO_MESSAGE)).await?;
            Ok(Some("the webhook takes a signature by the new secret"))
        }
        Target::Caller(caller) => {
            let Some(caller) = integration.callers.iter().find(|one| one.name == *caller) else { return Ok(None) };
            let Some(route) = trial::route(&trial::allowed(integration, caller)) else { return Ok(None) };
            let url = stack.route(&Endpoint::Sender(route).path_of(integration.name.as_str())).await?;
            let key = format!("msg_{}", Uuid::new_v4().simple());
            is_taken(as_caller(&caller.credential, stack.http()?.post(url), &key, NO_REQUEST.into())).await?;
            Ok(Some("the routes take the caller's new secret"))
        }
        Target::Client | Target::Token | Target::ApiKey => Ok(None),
    }
}

/// Insists that the messaging service takes a delivery that is signed with the current secret alone.
pub(super) async fn current_signing_secret(
    stack: &Stack,
    integration: &Integration,
    version: &str,
) -> Result<(), Failure> {
    let result = test_delivery(stack, integration, SignedWith::Current, version).await?;
    match &result.outcome {
        ProbeOutcome::Answered(401 | 403) => Err(Failure::Failed(format!(
            "the messaging service does not take the new secret yet: {} to a test delivery that is signed with it alone. \
             Give it the new one first; every delivery is signed with both meanwhile",
            words(&result.outcome)
        ))),
        ProbeOutcome::Answered(200..=299) => Ok(()),
        other => Err(Failure::Failed(format!(
            "whether the messaging service takes the new secret alone cannot be seen: {} to a test delivery. Have it check \
             the signature of deliveries of the type `test` and answer 2xx",
            words(other)
        ))),
    }
}

/// A test delivery by a function that has this version of the configuration.
async fn test_delivery(
    stack: &Stack,
    integration: &Integration,
    signed_with: SignedWith,
    version: &str,
) -> Result<ProbeResult, Failure> {
    let result = probe::send(stack, &integration.name, signed_with).await?;
    match &result.version {
        Some(used) if used != version => Err(Failure::Failed(
            "a function still uses another version of the configuration: run this again in a minute".to_owned(),
        )),
        _ => Ok(result),
    }
}

/// Whether an answer with this status speaks against neither of the two signatures: a messaging service may not know the
/// type `test`. Some answer 400 to a signature as well, so that this proves nothing of one alone.
fn takes_signature(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 409 | 422)
}

fn words(outcome: &ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Answered(status) => format!("status {status}"),
        ProbeOutcome::NotAnswered(why) => format!("no answer ({})", why.as_str()),
        ProbeOutcome::NotConfigured(why) => format!("the function has no usable configuration ({why})"),
    }
}

/// Insists that a request which asks for nothing is refused for that, and not for who asks.
async fn is_taken(request: RequestBuilder) -> Result<(), Failure> {
    let again = "run this again";
    let response = request.send().await.map_err(|error| {
        Failure::Failed(format!("the API is out of reach: {}", shared::aws::error_chain(&error.without_url())))
    })?;
    let answer = Answer::read(response, again).await?;
    match answer.problem() {
        Some("invalid-body") => Ok(()),
        Some("invalid-signature" | "unauthenticated") => Err(Failure::Failed(
            "a function does not take the new secret, though it should have read it: see whether `patchbay doctor` finds \
             a fault, and run this again"
                .to_owned(),
        )),
        _ => Err(Failure::Failed(format!("the new secret cannot be tried: {}", answer.trouble()))),
    }
}
