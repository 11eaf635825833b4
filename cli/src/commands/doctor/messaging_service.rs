//! Whether the messaging service accepts deliveries: the dispatcher makes one of the type `test`, with the
//! configuration that it uses.

use super::context::IntegrationContext;
use super::report::{Finding, Status};
use crate::aws::test_delivery::{self, TestDeliveryError};
use crate::error::CliError;
use shared::delivery::client::NoAnswer;
use shared::delivery::probe::{ProbeOutcome, ProbeResult, SignedWith};
use shared::integration::{DeliveryConfig, SETTLING_TIME};
use shared::model::integration_name::IntegrationName;
use std::time::Duration;

pub(super) async fn check(context: &IntegrationContext<'_>, delivery: &DeliveryConfig) -> Finding {
    if context.doctor.skip_delivery {
        return Finding::skipped("because of --skip-delivery");
    }
    match test_delivery::send(context.doctor.stack, &context.integration.name, SignedWith::All).await {
        Ok(result) => classify(context, delivery, &result),
        Err(TestDeliveryError::Enqueue(error)) => {
            Finding::from_aws_error(error, "the direct lane", "see what SQS says")
        }
        Err(TestDeliveryError::Timeout) => Finding::fault(
            format!("no function made a test delivery within {} s", test_delivery::TIMEOUT.as_secs()),
            "see MessageDispatcher's state and the direct lane's trigger above, and the logs: `patchbay logs --since 10m`",
        ),
        Err(error) => Finding::skipped(format!("because {}", CliError::from(error))),
    }
}

fn classify(context: &IntegrationContext<'_>, delivery: &DeliveryConfig, result: &ProbeResult) -> Finding {
    let origin = delivery.url.url().origin().ascii_serialization();
    let finding = match &result.outcome {
        ProbeOutcome::Answered(status) => classify_status(&context.integration.name, &origin, *status),
        ProbeOutcome::NotAnswered(why) => classify_no_answer(&context.integration.name, &origin, why, delivery.timeout),
        ProbeOutcome::NotConfigured(why) => Finding::fault(
            format!("MessageDispatcher has no usable configuration: {why}"),
            "check that its SECRET_PREFIX and region are this stack's",
        ),
    };
    let is_current = result.version.is_none() || result.version == context.integration.version;
    if is_current { finding } else { with_previous_configuration(context, finding) }
}

/// A finding by a delivery that was made with an older configuration than the stored one.
fn with_previous_configuration(context: &IntegrationContext<'_>, finding: Finding) -> Finding {
    let left = context.propagation.saturating_sub(context.age);
    let observed = format!("{}; it used the previous configuration", finding.observed);
    let name = &context.integration.name;
    let advice = if left.is_zero() {
        let seconds = context.propagation.as_secs();
        format!(
            "MessageDispatcher should have read the configuration within {seconds} s of the change; see its logs: \
             `patchbay logs --integration {name} --since 10m`"
        )
    } else {
        format!(
            "functions use the previous configuration for up to {} s after a change: run `patchbay doctor {name}` again in \
             {} s",
            context.propagation.saturating_sub(SETTLING_TIME).as_secs(),
            left.as_secs() + 1
        )
    };
    match finding.status {
        Status::Fault => {
            let advice = format!("{}; {advice}", finding.advice.unwrap_or_default());
            Finding::fault(observed, advice)
        }
        _ if left.is_zero() => Finding::fault(observed, advice),
        _ => Finding::warning(observed, advice),
    }
}

/// What the response predicts for deliveries. 400 and 422 may only mean that the type `test` is unknown, but may as well
/// be the answer to a wrong signature; after any other status than 2xx a delivery is retried until it expires, or fails.
fn classify_status(name: &IntegrationName, origin: &str, status: u16) -> Finding {
    let set_url = format!("`patchbay integration add {name} --replace --delivery-url URL`");
    let observed = format!("{origin} answers {status}");
    match status {
        200..=299 => Finding::ok(format!("{observed} to a test delivery")),
        400 | 422 => Finding::warning(
            format!("{observed} to a test delivery: messages that get the same answer fail at once"),
            "have it answer 2xx to the type `test`, and 401 to a wrong signature: then this check tells them apart",
        ),
        401 | 403 => Finding::fault(
            format!("the messaging service refuses the signature, and messages wait: {observed}"),
            format!(
                "give it the current signing secret: `patchbay integration show {name} --show-secrets` shows it; or store \
                 the one that it has: `patchbay integration rotate {name} --secret signing --secret-file FILE`"
            ),
        ),
        404 | 405 => Finding::fault(
            format!("{observed}: messages wait"),
            format!("nothing at that path accepts POST; set the right one: {set_url}"),
        ),
        408 | 425 | 429 => Finding::warning(observed, "it is overloaded; messages wait"),
        410 => Finding::fault(
            format!("the endpoint asks to be removed, and every message for it fails: {observed}"),
            format!("set its new address: {set_url}; or remove the integration: `patchbay integration remove {name}`"),
        ),
        413 => Finding::fault(
            format!(
                "the messaging service refuses even a test delivery as too large, and every message for it fails: \
                 {observed}"
            ),
            "raise the body limit of it, or of a gateway before it",
        ),
        400..=499 => Finding::fault(
            format!("the messaging service does not accept deliveries, and messages wait: {observed}"),
            format!(
                "see the logs of it or of a gateway before it: it must accept JSON by POST; if the address is wrong: \
                 {set_url}"
            ),
        ),
        300..=399 => Finding::fault(
            format!("{observed}: a redirect, which is not followed"),
            format!("set the redirect's target: {set_url}"),
        ),
        _ => Finding::fault(
            format!("the messaging service fails: {observed}"),
            "see its logs; messages wait until it answers 2xx",
        ),
    }
}

fn classify_no_answer(name: &IntegrationName, origin: &str, why: &NoAnswer, timeout: Duration) -> Finding {
    let set_url = format!("`patchbay integration add {name} --replace --delivery-url URL`");
    match why {
        NoAnswer::UnknownHost => Finding::fault(
            format!("the name of {origin} cannot be resolved"),
            format!("check the name's DNS entry; if the address is wrong: {set_url}"),
        ),
        NoAnswer::ConnectionRefused => Finding::fault(
            format!("{origin} refuses the connection: no server listens there"),
            format!("start the messaging service; if the address is wrong: {set_url}"),
        ),
        NoAnswer::Tls(how) => Finding::fault(
            format!("no TLS with {origin}: {how}"),
            "give it a certificate of a public authority, for this name",
        ),
        NoAnswer::Timeout => Finding::fault(
            format!("{origin} does not answer within {} s", timeout.as_secs()),
            "check that it runs, and that no firewall blocks the functions",
        ),
        NoAnswer::Other(how) => {
            Finding::fault(format!("no answer from {origin}: {how}"), "see the logs of the messaging service")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;

    #[test]
    fn a_2xx_and_an_unknown_type_are_ok_and_a_status_that_stops_deliveries_is_a_fault() {
        for (http_status, expected) in [
            (200, Status::Ok),
            (204, Status::Ok),
            (400, Status::Warning),
            (422, Status::Warning),
            (408, Status::Warning),
            (425, Status::Warning),
            (429, Status::Warning),
            (302, Status::Fault),
            (401, Status::Fault),
            (403, Status::Fault),
            (402, Status::Fault),
            (404, Status::Fault),
            (405, Status::Fault),
            (406, Status::Fault),
            (409, Status::Fault),
            (410, Status::Fault),
            (411, Status::Fault),
            (413, Status::Fault),
            (414, Status::Fault),
            (415, Status::Fault),
            (418, Status::Fault),
            (421, Status::Fault),
            (426, Status::Fault),
            (431, Status::Fault),
            (451, Status::Fault),
            (500, Status::Fault),
            (503, Status::Fault),
        ] {
            assert_eq!(
                expected,
                classify_status(&"acme".parse().unwrap(), "https://example.com", http_status).status,
                "{http_status}"
            );
        }
    }
}
