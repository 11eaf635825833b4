//! Whether the webhook takes the platform's signatures, and no others: tried with a body that is no message.

use super::answer::Answer;
use super::context::Subject;
use super::report::Finding;
use crate::endpoint::Endpoint;
use crate::trial::NO_MESSAGE;
use data_encoding::BASE64;
use shared::integration::Secret;
use shared::platform::PlatformConfig;
use shared::signature::highlevel::X_GHL_SIGNATURE;
use shared::signature::hub::{X_HUB_SIGNATURE, X_HUB_SIGNATURE_256, sign_sha1, sign_sha256};

/// A header's name and its value.
type Header = (reqwest::header::HeaderName, String);

/// Posts it with a signature that must be accepted, and then, for the first integration of the platform, with one that
/// must not.
pub(super) async fn examine(subject: &Subject<'_>) -> Finding {
    if !subject.examination.routes.works(Endpoint::Webhook) {
        return Finding::skipped(format!("because {} does not work", Endpoint::Webhook.title()));
    }
    let genuine = genuine(&subject.integration.platform);
    if let Some((pointer, header)) = &genuine {
        let answer = post(subject, header).await;
        if !matches!(&answer, Answer::Problem { kind, .. } if kind == "invalid-body") {
            return refused(pointer, &answer);
        }
    }
    if !subject.examination.is_first_to_forge(subject.integration.platform.name().as_str()) {
        return match genuine {
            None => Finding::skipped(
                "because a wrong signature has been tried with another integration of the platform, and a good one can \
                 only be made by the platform",
            ),
            Some(_) => {
                Finding::ok("accepts the platform's signature; a wrong one has been tried with another integration")
            }
        };
    }
    // Last: a forged signature makes the receiver read its secrets anew, and then it does not do so for a while.
    let answer = post(subject, &forged(&subject.integration.platform)).await;
    match &answer {
        Answer::Problem { kind, .. } if kind == "invalid-signature" => Finding::ok(match genuine {
            None => "refuses a wrong signature; a good one can only be made by the platform",
            Some(_) => "accepts the platform's signature, and refuses a wrong one",
        }),
        other => Finding::fault(
            format!("a wrong signature is not refused as such: {}", other.seen()),
            "see what WebhookReceiver logs; deploy this version's functions (`make deploy`)",
        ),
    }
}

fn refused(pointer: &str, answer: &Answer) -> Finding {
    let seen = answer.seen();
    match answer {
        Answer::Problem { kind, .. } if kind == "invalid-signature" => Finding::fault(
            format!("the webhook refuses the signature made with {pointer}: {seen}"),
            "run this again in half a minute if the secret has only just been changed; else see whether \
             WebhookReceiver's SECRET_PREFIX and region are this stack's",
        ),
        Answer::Problem { kind, .. } if kind == "integration-not-found" => Finding::fault(
            format!("the webhook does not know the integration: {seen}"),
            "see whether WebhookReceiver's SECRET_PREFIX and region are this stack's; see --api-url",
        ),
        _ => Finding::fault(
            format!("the webhook does not answer as it should: {seen}"),
            "see what WebhookReceiver logs: it cannot read this integration's secret, or is of another version",
        ),
    }
}

async fn post(subject: &Subject<'_>, (name, value): &Header) -> Answer {
    let examination = subject.examination;
    match examination.stack.route(&Endpoint::Webhook.path_of(subject.integration.name.as_str())).await {
        Ok(url) => {
            let request = examination.http.post(url).header("content-type", "application/json");
            Answer::to(request.header(name, value).body(NO_MESSAGE)).await
        }
        Err(failure) => Answer::None { cause: failure.to_string(), connected: false },
    }
}

/// The signature by the current secret, with the place of that. The use of one that is being rotated out would look like
/// the platform's.
fn genuine(platform: &PlatformConfig) -> Option<(&'static str, Header)> {
    let pointer = match platform {
        PlatformConfig::GenesysCloud(_) => "/webhookSecrets/0",
        PlatformConfig::MulticloudCx(_) => "/appSecrets/0",
        PlatformConfig::HighLevel(_) => return None,
    };
    platform.sign(NO_MESSAGE.as_bytes()).map(|header| (pointer, header))
}

/// A well-formed signature that nobody made.
fn forged(platform: &PlatformConfig) -> Header {
    let nobody = Secret::from("nobody's secret");
    match platform {
        PlatformConfig::GenesysCloud(_) => hub_256(&nobody),
        PlatformConfig::MulticloudCx(_) => hub_1(&nobody),
        PlatformConfig::HighLevel(_) => (X_GHL_SIGNATURE, BASE64.encode(&[0; 64])),
    }
}

fn hub_256(secret: &Secret) -> Header {
    (X_HUB_SIGNATURE_256, sign_sha256(NO_MESSAGE.as_bytes(), secret))
}

fn hub_1(secret: &Secret) -> Header {
    (X_HUB_SIGNATURE, sign_sha1(NO_MESSAGE.as_bytes(), secret))
}
