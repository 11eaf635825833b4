//! Calling the sender routes, as one of an integration's callers.

use crate::answer::Answer;
use crate::failure::Failure;
use crate::integrations;
use crate::stack::Stack;
use clap::Args;
use http::{HeaderName, header};
use jiff::Timestamp;
use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use shared::aws::error_chain;
use shared::integration::{Caller, Credential, Integration};
use shared::model::integration_name::IntegrationName;
use shared::platform::Route;
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use std::path::PathBuf;
use uuid::Uuid;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// For which integration, as whom, and under which key.
#[derive(Debug, Args)]
pub(crate) struct Calling {
    /// The integration
    pub(crate) integration: IntegrationName,
    /// As which of its callers; of those that may use the route the first that signs unless given, or else the first that
    /// has a token
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// The environment variable with a bearer token, for those who may not read the integration's secret
    #[arg(long, value_name = "VARIABLE", conflicts_with = "caller")]
    bearer_token_env: Option<String>,
    /// The environment variable with a signing secret, likewise
    #[arg(long, value_name = "VARIABLE", conflicts_with_all = ["caller", "bearer_token_env"])]
    signing_secret_env: Option<String>,
    /// Under which key it is done once; a new one unless given
    #[arg(long, visible_alias = "webhook-id", value_name = "KEY", value_parser = key)]
    idempotency_key: Option<String>,
    /// The whole body as JSON, in place of the options for its parts: a file, or - for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
}

impl Calling {
    /// The key that was given, or a new one.
    pub(crate) fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| format!("msg_{}", Uuid::new_v4().simple()))
    }

    /// Posts `body` to a route; `again` says what to do where no answer came.
    pub(crate) async fn post(
        &self,
        stack: &Stack,
        route: &str,
        key: &str,
        body: Vec<u8>,
        again: &str,
    ) -> Result<Answer, Failure> {
        let credential = self.credential(stack, route).await?;
        let url = stack.route(&format!("{}/{route}", self.integration)).await?;
        let request = as_caller(&credential, stack.http()?.post(url), key, body);
        let response = request.send().await.map_err(|error| unanswered(error, again))?;
        Answer::read(response, again).await
    }

    async fn credential(&self, stack: &Stack, route: &str) -> Result<Credential, Failure> {
        if let Some(variable) = &self.bearer_token_env {
            return from_environment(variable).map(|token| Credential::BearerToken(token.into()));
        }
        if let Some(variable) = &self.signing_secret_env {
            let secret = SigningSecret::parse(&from_environment(variable)?);
            let secret = secret.map_err(|error| Failure::Usage(format!("the variable {variable} {error}")))?;
            return Ok(Credential::SigningSecret(secret));
        }
        of_integration(&*integrations::load(stack, &self.integration).await?, self.caller.as_deref(), route)
    }
}

/// The request as a caller with this credential makes it: `body` is JSON, and is to be done once under `key`.
pub(crate) fn as_caller(credential: &Credential, request: RequestBuilder, key: &str, body: Vec<u8>) -> RequestBuilder {
    let now = Timestamp::now();
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let request = match credential {
        Credential::SigningSecret(secret) => request
            .header(WEBHOOK_ID, key)
            .header(WEBHOOK_TIMESTAMP, now.as_second())
            .header(WEBHOOK_SIGNATURE, sign(std::slice::from_ref(secret), key, now, &body)),
        Credential::BearerToken(token) => request.bearer_auth(token.expose_secret()).header(IDEMPOTENCY_KEY, key),
    };
    request.body(body)
}

/// The credential of the caller with that name, or of the first that may use the route; one that signs comes before one
/// that has a token.
fn of_integration(integration: &Integration, wanted: Option<&str>, route: &str) -> Result<Credential, Failure> {
    let called = Route::ALL.into_iter().find(|one| one.path() == route);
    let is_it = |caller: &&Caller| match wanted {
        Some(name) => caller.name == name,
        None => called.is_none_or(|called| caller.may_call(called)),
    };
    let callers = || integration.callers.iter().filter(is_it);
    let secret = callers().find_map(|caller| match &caller.credential {
        Credential::SigningSecret(secret) => Some(Credential::SigningSecret(secret.clone())),
        Credential::BearerToken(_) => None,
    });
    let token = callers().find_map(|caller| match &caller.credential {
        Credential::BearerToken(token) => Some(Credential::BearerToken(token.clone())),
        Credential::SigningSecret(_) => None,
    });
    secret.or(token).ok_or_else(|| {
        let known: Vec<_> = integration.callers.iter().map(|caller| format!("`{}`", caller.name)).collect();
        let name = &integration.name;
        Failure::Failed(match (wanted, known.is_empty()) {
            (_, true) => format!(
                "the integration `{name}` has no callers: `patchbay integration add {name} --replace --caller crm` adds one"
            ),
            (Some(wanted), false) => {
                format!("the integration `{name}` has no caller `{wanted}`; it has {}", known.join(", "))
            }
            (None, false) => format!(
                "no caller of the integration `{name}` may use {route}: `patchbay integration add {name} --replace \
                 --caller NAME:ROUTE,…` changes that"
            ),
        })
    })
}

fn from_environment(variable: &str) -> Result<String, Failure> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::Usage(format!("the environment variable {variable} is not set")))
}

/// No answer came.
pub(crate) fn unanswered(error: reqwest::Error, again: &str) -> Failure {
    let (made, connected) = (!error.is_builder(), !error.is_connect());
    let cause = error_chain(&error.without_url());
    Failure::Failed(match (made, connected) {
        (false, _) => format!("the request cannot be made, and nothing was sent: {cause}"),
        (_, false) => format!("the API is out of reach, and nothing was sent: {cause}"),
        (true, true) => format!("no answer came, so that the outcome is unknown: {cause}\n  {again}"),
    })
}

/// A key that can stand in a header.
fn key(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 255 printable characters".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn integration(callers: Value) -> Integration {
        let document = json!({
            "platform": "highlevel", "locationId": "l", "token": "t", "callers": callers,
            "delivery": {"url": "https://example.com/", "signingSecrets": [SECRET]},
        });
        Integration::parse("acme".parse().unwrap(), &document.to_string()).unwrap()
    }

    fn signs(integration: &Integration, wanted: Option<&str>) -> Result<bool, String> {
        let credential = of_integration(integration, wanted, "receipts").map_err(|failure| failure.to_string())?;
        Ok(matches!(credential, Credential::SigningSecret(_)))
    }

    #[test]
    fn the_caller_is_the_first_that_signs_unless_another_is_named() {
        let token = "0123456789abcdef0123456789abcdef";
        let both = integration(json!([
            {"name": "flows", "bearerToken": token}, {"name": "crm", "signingSecret": SECRET},
        ]));
        assert_eq!((Ok(true), Ok(false)), (signs(&both, None), signs(&both, Some("flows"))));
        let unknown = signs(&both, Some("erp")).unwrap_err();
        assert_eq!("the integration `acme` has no caller `erp`; it has `flows`, `crm`", unknown);
        assert_eq!(Ok(false), signs(&integration(json!([{"name": "flows", "bearerToken": token}])), None));
        let without = signs(&integration(json!([])), None).unwrap_err();
        assert!(without.contains("`patchbay integration add acme --replace --caller crm` adds one"), "{without}");
    }

    #[test]
    fn a_caller_that_may_not_use_the_route_is_passed_over_unless_it_is_named() {
        let token = "0123456789abcdef0123456789abcdef";
        let confined = |routes: Value| json!({"name": "crm", "signingSecret": SECRET, "routes": routes});
        let both = integration(json!([confined(json!(["inbound"])), {"name": "flows", "bearerToken": token}]));
        assert_eq!((Ok(false), Ok(true)), (signs(&both, None), signs(&both, Some("crm"))));
        assert_eq!(Ok(true), signs(&integration(json!([confined(json!(["receipts"]))])), None));
        let none = signs(&integration(json!([confined(json!(["inbound"]))])), None).unwrap_err();
        assert!(none.starts_with("no caller of the integration `acme` may use receipts: "), "{none}");
    }

    #[test]
    fn a_key_is_printable_and_not_too_long() {
        assert!(key("order-4711 a").is_ok() && key(&"k".repeat(255)).is_ok());
        for bad in ["", "ü", "a\nb", &"k".repeat(256)] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }
}
