//! Whether the webhook accepts signatures by the stored secret and refuses others, tested with a body that is no message.

use super::context::IntegrationContext;
use super::report::Finding;
use crate::api::endpoint::Endpoint;
use crate::api::probe::ProbeResponse;
use crate::api::trial_request::INVALID_WEBHOOK;
use data_encoding::BASE64;
use secrecy::SecretString;
use shared::api::problem::ProblemType;
use shared::platform::PlatformConfig;
use shared::signature::highlevel::X_GHL_SIGNATURE;
use shared::signature::hub::{X_HUB_SIGNATURE, X_HUB_SIGNATURE_256, sign_sha1, sign_sha256};

type Header = (reqwest::header::HeaderName, String);

/// Posts the body with a genuine signature and then, for the first integration of the platform, with a forged one.
pub(super) async fn check(context: &IntegrationContext<'_>) -> Finding {
    if !context.doctor.routes.works(Endpoint::Webhook) {
        return Finding::skipped(format!("because {} does not work", Endpoint::Webhook.title()));
    }
    let genuine = genuine(&context.integration.platform);
    if let Some((secret, headers)) = &genuine {
        let answer = post(context, headers).await;
        if !matches!(&answer, ProbeResponse::Problem { kind, .. } if kind == ProblemType::InvalidBody.as_str()) {
            return genuine_refused(secret, &answer);
        }
    }
    if !context.doctor.claims_forgery_check(context.integration.platform.name().as_str()) {
        return match genuine {
            None => Finding::skipped(
                "because a forged signature was tested with another integration of the platform, and only the \
                 platform can make a genuine one",
            ),
            Some(_) => Finding::ok(
                "accepts a signature by the stored secret; a forged one was tested with another integration",
            ),
        };
    }
    // Last, because a mismatch makes the receiver refresh its secrets, and then it does not refresh them for a while.
    let answer = post(context, &[forged(&context.integration.platform)]).await;
    match &answer {
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::InvalidSignature.as_str() => {
            Finding::ok(match genuine {
                None => "refuses a forged signature; only the platform can make a genuine one",
                Some(_) => "accepts a signature by the stored secret, and refuses a forged one",
            })
        }
        other => Finding::fault(
            format!("a forged signature is not refused as such: {}", other.summary()),
            "deploy this version's functions (`make deploy`), and see the logs: `patchbay logs --since 10m`",
        ),
    }
}

fn genuine_refused(secret: &str, answer: &ProbeResponse) -> Finding {
    let summary = answer.summary();
    match answer {
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::InvalidSignature.as_str() => Finding::fault(
            format!("the webhook refuses a signature by the integration's {secret}: {summary}"),
            "if the secret was just changed, run this again in half a minute; else check that WebhookReceiver's \
             SECRET_PREFIX and region are this stack's",
        ),
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::IntegrationNotFound.as_str() => Finding::fault(
            format!("the webhook does not know the integration: {summary}"),
            "check that WebhookReceiver's SECRET_PREFIX and region are this stack's; check --api-url",
        ),
        _ => Finding::fault(
            format!("unexpected response of the webhook: {summary}"),
            "it cannot read the integration's secret, or is of another version; see the logs: `patchbay logs --since 10m`",
        ),
    }
}

async fn post(context: &IntegrationContext<'_>, headers: &[Header]) -> ProbeResponse {
    let doctor = context.doctor;
    match doctor.stack.route_url(&Endpoint::Webhook.path_of(context.integration.name.as_str())).await {
        Ok(url) => {
            let request = doctor.http.post(url).header("content-type", "application/json").body(INVALID_WEBHOOK);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            ProbeResponse::send(request).await
        }
        Err(failure) => ProbeResponse::NoResponse { cause: failure.to_string(), connected: false },
    }
}

/// The headers made with the current secrets, and the name of the one that signs. Use of a secret that is being
/// rotated out would count as the platform's.
fn genuine(platform: &PlatformConfig) -> Option<(&'static str, Vec<Header>)> {
    let secret = match platform {
        PlatformConfig::GenesysCloud(_) => "webhook secret",
        PlatformConfig::MulticloudCx(_) => "app secret",
        PlatformConfig::HighLevel(_) => return None,
    };
    Some((secret, platform.sign(INVALID_WEBHOOK.as_bytes())))
}

/// A well-formed signature with a wrong secret.
fn forged(platform: &PlatformConfig) -> Header {
    let wrong = SecretString::from("a wrong secret");
    match platform {
        PlatformConfig::GenesysCloud(_) => hub_256(&wrong),
        PlatformConfig::MulticloudCx(_) => hub_1(&wrong),
        PlatformConfig::HighLevel(_) => (X_GHL_SIGNATURE, BASE64.encode(&[0; 64])),
    }
}

fn hub_256(secret: &SecretString) -> Header {
    (X_HUB_SIGNATURE_256, sign_sha256(INVALID_WEBHOOK.as_bytes(), secret))
}

fn hub_1(secret: &SecretString) -> Header {
    (X_HUB_SIGNATURE, sign_sha1(INVALID_WEBHOOK.as_bytes(), secret))
}
