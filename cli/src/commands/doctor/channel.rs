//! A channel: its provider's side, and whether the provider reaches this stack.

use super::context::IntegrationContext;
use super::report::Finding;
use super::{telegram, twilio};
use crate::api::channel::probe;
use crate::api::endpoint::Endpoint;
use crate::api::probe::{ProbeResponse, send};
use serde_json::Value;
use shared::api::problem::{ProblemType, TYPE_PREFIX};
use shared::aws::error_chain;
use shared::channel::{ChannelConfig, TrialRequest};
use shared::http_client::read_body_limited;
use shared::model::integration_name::IntegrationName;
use url::Url;

const MAX_BYTES: usize = 64 * 1024;

/// How the address of the channel answers.
enum Answer {
    Acknowledged,
    Problem(String),
    /// A server that is not this API.
    Foreign(u16),
    None(String),
}

pub(super) async fn check(context: &IntegrationContext<'_>, channel: &ChannelConfig) -> Vec<(String, Finding)> {
    let provider = async {
        match channel {
            ChannelConfig::Telegram(config) => telegram::check(&context.integration.name, config).await,
            ChannelConfig::Twilio(config) => twilio::check(&context.integration.name, config).await,
        }
    };
    let ([credentials, webhook], address) = tokio::join!(provider, address(context, channel));
    [("channel credentials", credentials), ("channel webhook", webhook), ("channel address", address)]
        .map(|(name, finding)| (name.to_owned(), finding))
        .into()
}

/// Posts a genuine request, which is ignored, to the address that the provider calls: once it is known not to be a
/// stranger's, who would learn the secret.
async fn address(context: &IntegrationContext<'_>, channel: &ChannelConfig) -> Finding {
    if !context.doctor.routes.works(Endpoint::Channel) {
        return Finding::skipped(format!("because {} does not work", Endpoint::Channel.title()));
    }
    let url = channel.address().as_str();
    let origin = url.parse().map_or_else(|_| url.to_owned(), |url: Url| url.origin().ascii_serialization());
    let answer = match probe(context.doctor.http, url).await {
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::FileNotFound.as_str() => {
            post(context, channel, url).await
        }
        ProbeResponse::Problem { kind, .. } => Answer::Problem(kind),
        ProbeResponse::NoRoute => Answer::Foreign(404),
        ProbeResponse::Other { status, .. } => Answer::Foreign(status),
        ProbeResponse::NoResponse { cause, .. } => Answer::None(cause),
    };
    classify(&context.integration.name, &origin, answer)
}

async fn post(context: &IntegrationContext<'_>, channel: &ChannelConfig, url: &str) -> Answer {
    let TrialRequest { headers, body } = channel.trial_request();
    let request = context.doctor.http.post(url).body(body);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let response = match send(request).await {
        Ok((_, response)) => response,
        Err(error) => return Answer::None(error_chain(&error.without_url())),
    };
    let status = response.status();
    let body = read_body_limited(response, MAX_BYTES).await.unwrap_or_default();
    let problem = || {
        let body: Value = serde_json::from_slice(&body).ok()?;
        body.get("type")?.as_str()?.strip_prefix(TYPE_PREFIX).map(str::to_owned)
    };
    match problem() {
        Some(kind) => Answer::Problem(kind),
        None if status.is_success() && body == channel.acknowledgement().body.as_bytes() => Answer::Acknowledged,
        None => Answer::Foreign(status.as_u16()),
    }
}

fn classify(name: &IntegrationName, origin: &str, answer: Answer) -> Finding {
    let set_url = format!(
        "check the domain or the distribution in front of the API; if the address is wrong: `patchbay integration add {name} \
         --replace --public-url URL`"
    );
    match answer {
        Answer::Acknowledged => Finding::ok(format!("{origin} points to this stack, which accepts the stored secret")),
        Answer::Problem(kind) if kind == ProblemType::InvalidSignature.as_str() => Finding::fault(
            format!("{origin} points to this stack or another one, which refuses the stored secret"),
            format!(
                "if the secret was just changed, run `patchbay doctor {name}` again in half a minute; else check that the \
                 address is this stack's, and that nothing in front of the API changes headers or bodies"
            ),
        ),
        Answer::Problem(kind)
            if kind == ProblemType::IntegrationNotFound.as_str() || kind == ProblemType::RouteNotFound.as_str() =>
        {
            Finding::fault(format!("{origin} points to another stack: {kind}"), set_url)
        }
        Answer::Problem(kind) => Finding::fault(
            format!("{origin} answers {kind}"),
            format!("see the logs: `patchbay logs --integration {name} --since 10m`"),
        ),
        Answer::Foreign(status) => {
            Finding::fault(format!("{origin} does not point to this stack: it answers {status}"), set_url)
        }
        Answer::None(cause) => Finding::fault(format!("{origin} cannot be reached: {cause}"), set_url),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn only_an_acknowledgement_is_ok() {
        let found = |answer| classify(&"acme".parse().unwrap(), "https://e.com", answer);
        assert_eq!(Status::Ok, found(Answer::Acknowledged).status);
        for (answer, expected) in [
            (Answer::Foreign(200), "does not point to this stack: it answers 200"),
            (Answer::Problem(ProblemType::IntegrationNotFound.as_str().to_owned()), "points to another stack"),
            (Answer::Problem(ProblemType::InvalidSignature.as_str().to_owned()), "refuses the stored secret"),
            (Answer::Problem(ProblemType::Unavailable.as_str().to_owned()), "answers unavailable"),
            (Answer::None("no route".to_owned()), "cannot be reached: no route"),
        ] {
            let finding = found(answer);
            assert_eq!(Status::Fault, finding.status);
            assert!(finding.observed.contains(expected), "{}", finding.observed);
        }
    }
}
