//! Whether the messaging service takes deliveries: it gets one of the type `test`, made and signed as all are.

use super::clock::Deviation;
use super::integration::Subject;
use super::report::Finding;
use crate::failure::Failure;
use jiff::Timestamp;
use shared::aws::chain;
use shared::delivery::test_body;
use shared::messaging_service::{Client, Post, TIMEOUT};
use std::error::Error;
use std::io;

/// Posts a test delivery.
pub(super) async fn examine(subject: &Subject<'_>) -> Result<Finding, Failure> {
    let examination = subject.examination;
    if examination.skip_delivery {
        return Ok(Finding::skipped("as asked for with --skip-delivery"));
    }
    if examination.clock.is_some_and(Deviation::spoils_signatures) {
        return Ok(Finding::skipped("because the clock is wrong, and with it the signature"));
    }
    let client = Client::new().map_err(|error| Failure::Failed(format!("no HTTP client: {error}")))?;
    let (name, delivery) = (&subject.integration.name, &subject.integration.delivery);
    let now = Timestamp::now();
    let id = format!("msg_test_{}", now.as_nanosecond());
    let post = Post { id: &id, trace_id: None, body: test_body(name, now) };
    let origin = delivery.url.url().origin().ascii_serialization();
    Ok(match client.post(delivery, post, now, TIMEOUT).await {
        Ok(response) => answered(&origin, response.status().as_u16()),
        Err(error) => unanswered(&origin, &Broken::of(error)),
    })
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

/// Why there was no answer.
#[derive(Debug, PartialEq, Eq)]
enum Broken {
    /// The host's name leads nowhere.
    Name,
    /// Nobody listens.
    Refused,
    /// There is no trust.
    Tls(String),
    /// It took too long.
    TimeOut,
    /// Something else.
    Other(String),
}

impl Broken {
    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let refused = causes(&error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        });
        let text = chain(&error);
        match () {
            () if error.is_timeout() => Self::TimeOut,
            () if refused => Self::Refused,
            // The HTTP client has no other way to tell.
            () if text.contains("dns error") => Self::Name,
            () if text.contains("certificate") || text.contains("TLS") || text.contains("HandshakeFailure") => {
                Self::Tls(text)
            }
            () => Self::Other(text),
        }
    }
}

/// An error and what caused it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn unanswered(origin: &str, broken: &Broken) -> Finding {
    match broken {
        Broken::Name => Finding::fault(
            format!("the name of {origin} cannot be resolved"),
            "see /delivery/url, and the name's DNS entry",
        ),
        Broken::Refused => Finding::fault(
            format!("{origin} refuses the connection: nobody listens there"),
            "start the messaging service, or correct /delivery/url",
        ),
        Broken::Tls(how) => Finding::fault(
            format!("no TLS with {origin}: {how}"),
            "give it a certificate of a public authority, for the name that stands in /delivery/url",
        ),
        Broken::TimeOut => Finding::fault(
            format!("{origin} does not answer within {} s", TIMEOUT.as_secs()),
            "see whether it runs, and whether a firewall keeps this machine out",
        ),
        Broken::Other(how) => {
            Finding::fault(format!("no answer from {origin}: {how}"), "see what the messaging service logs")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::super::report::Verdict;
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

    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_told_from_a_closed_port() {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for (url, expected) in [("http://127.0.0.1:9/", Broken::Refused), ("http://nobody.invalid/", Broken::Name)] {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(expected, Broken::of(error), "{url}");
        }
    }
}
