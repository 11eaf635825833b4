//! Whether the messaging service takes deliveries: the dispatcher makes one of the type `test`, with the configuration that
//! it has.

use super::context::Subject;
use super::report::{Finding, Verdict};
use crate::failure::Failure;
use crate::probe::{self, ProbeError};
use shared::delivery::client::{NoAnswer, TIMEOUT};
use shared::delivery::probe::{ProbeOutcome, ProbeResult, SignedWith};
use shared::integration::SETTLING_TIME;

/// Has a test delivery made.
pub(super) async fn examine(subject: &Subject<'_>) -> Finding {
    if subject.examination.skip_delivery {
        return Finding::skipped("as asked for with --skip-delivery");
    }
    match probe::send(subject.examination.stack, &subject.integration.name, SignedWith::All).await {
        Ok(result) => judge(subject, &result),
        Err(ProbeError::NotQueued(error)) => Finding::of(error, "the queue", "see what SQS says"),
        Err(ProbeError::NotMade) => Finding::fault(
            format!("no function has made a test delivery within {} s", probe::TIMEOUT.as_secs()),
            "see MessageDispatcher's state and the queue's trigger, and what MessageDispatcher logs",
        ),
        Err(error) => Finding::skipped(format!("because {}", Failure::from(error))),
    }
}

fn judge(subject: &Subject<'_>, result: &ProbeResult) -> Finding {
    let origin = subject.integration.delivery.url.url().origin().ascii_serialization();
    let finding = match &result.outcome {
        ProbeOutcome::Answered(status) => answered(&origin, *status),
        ProbeOutcome::NotAnswered(why) => unanswered(&origin, why),
        ProbeOutcome::NotConfigured(why) => Finding::fault(
            format!("MessageDispatcher has no usable configuration: {why}"),
            "see whether its SECRET_PREFIX and region are this stack's",
        ),
    };
    let is_current = result.version.is_none() || result.version == subject.integration.version;
    if is_current { finding } else { with_previous_configuration(subject, finding) }
}

/// A finding about a delivery that was made with an older configuration than the stored one.
fn with_previous_configuration(subject: &Subject<'_>, finding: Finding) -> Finding {
    let left = subject.propagation.saturating_sub(subject.age);
    let seen = format!("{}; it had the previous configuration", finding.seen);
    let advice = if left.is_zero() {
        let seconds = subject.propagation.as_secs();
        format!(
            "see what MessageDispatcher logs: it should have read the configuration {seconds} s after it was changed"
        )
    } else {
        format!(
            "functions use the previous configuration for up to {} s after a change: run this again in {} s",
            subject.propagation.saturating_sub(SETTLING_TIME).as_secs(),
            left.as_secs() + 1
        )
    };
    match finding.verdict {
        Verdict::Fault => {
            let advice = format!("{}; {advice}", finding.advice.unwrap_or_default());
            Finding::fault(seen, advice)
        }
        _ if left.is_zero() => Finding::fault(seen, advice),
        _ => Finding::warning(seen, advice),
    }
}

/// What the answer says of the deliveries to come. A refusal for good may say no more than that this one body was not
/// understood; what is answered anything else but 2xx is retried until it is given up.
fn answered(origin: &str, status: u16) -> Finding {
    let seen = format!("{origin} answers {status}");
    match status {
        200..=299 => Finding::ok(format!("{seen} to a test delivery")),
        400 | 422 => Finding::ok(format!("{seen} to a test delivery: it is there, and does not know the type")),
        401 | 403 => Finding::fault(
            format!("the messaging service refuses our signature, and messages wait on the queue: {seen}"),
            "give it the secret that is the first of /delivery/signingSecrets, or the integration the secret that it has",
        ),
        404 | 405 => Finding::fault(
            format!("{seen}: messages wait on the queue"),
            "see /delivery/url: there is nothing at that path, or nothing that takes POST",
        ),
        408 | 425 | 429 => Finding::warning(seen, "it takes fewer deliveries than come; they wait on the queue"),
        410 => Finding::fault(
            format!("the endpoint asks to be removed, and every message for it fails: {seen}"),
            "put the messaging service's new address into /delivery/url, or remove the integration",
        ),
        413 => Finding::fault(
            format!("the messaging service takes not even a test delivery, and every message for it fails: {seen}"),
            "see how large a body it or a gateway before it takes",
        ),
        400..=499 => Finding::fault(
            format!("the messaging service does not take deliveries, and messages wait on the queue: {seen}"),
            "see /delivery/url, and what it or a gateway before it logs: it is to take JSON by POST",
        ),
        300..=399 => Finding::fault(
            format!("{seen}: a redirect, which is not followed"),
            "put the address where it leads to into /delivery/url",
        ),
        _ => Finding::fault(
            format!("the messaging service fails: {seen}"),
            "see what it logs; messages wait on the queue until it answers 2xx",
        ),
    }
}

fn unanswered(origin: &str, why: &NoAnswer) -> Finding {
    match why {
        NoAnswer::UnknownHost => Finding::fault(
            format!("the name of {origin} cannot be resolved"),
            "see /delivery/url, and the name's DNS entry",
        ),
        NoAnswer::ConnectionRefused => Finding::fault(
            format!("{origin} refuses the connection: nobody listens there"),
            "start the messaging service, or correct /delivery/url",
        ),
        NoAnswer::Tls(how) => Finding::fault(
            format!("no TLS with {origin}: {how}"),
            "give it a certificate of a public authority, for the name that stands in /delivery/url",
        ),
        NoAnswer::Timeout => Finding::fault(
            format!("{origin} does not answer within {} s", TIMEOUT.as_secs()),
            "see whether it runs, and whether a firewall keeps the functions out",
        ),
        NoAnswer::Other(how) => {
            Finding::fault(format!("no answer from {origin}: {how}"), "see what the messaging service logs")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;

    #[test]
    fn any_2xx_and_what_does_not_know_the_type_is_good_and_what_takes_no_message_is_not() {
        for (status, verdict) in [
            (200, Verdict::Ok),
            (204, Verdict::Ok),
            (400, Verdict::Ok),
            (422, Verdict::Ok),
            (408, Verdict::Warning),
            (425, Verdict::Warning),
            (429, Verdict::Warning),
            (302, Verdict::Fault),
            (401, Verdict::Fault),
            (403, Verdict::Fault),
            (402, Verdict::Fault),
            (404, Verdict::Fault),
            (405, Verdict::Fault),
            (406, Verdict::Fault),
            (409, Verdict::Fault),
            (410, Verdict::Fault),
            (411, Verdict::Fault),
            (413, Verdict::Fault),
            (414, Verdict::Fault),
            (415, Verdict::Fault),
            (418, Verdict::Fault),
            (421, Verdict::Fault),
            (426, Verdict::Fault),
            (431, Verdict::Fault),
            (451, Verdict::Fault),
            (500, Verdict::Fault),
            (503, Verdict::Fault),
        ] {
            assert_eq!(verdict, answered("https://example.com", status).verdict, "{status}");
        }
    }
}
