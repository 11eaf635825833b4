//! Calls to the API as one of an integration's callers.

use crate::api::response::ApiResponse;
use crate::aws::completion;
use crate::aws::integrations;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
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

/// The heading of the options that every request has.
const REQUEST: &str = "Request options";

#[derive(Debug, Args)]
pub(crate) struct CallerArgs {
    /// The integration
    #[arg(add = completion::integrations())]
    pub(crate) integration: IntegrationName,
    /// Name of the caller to act as [default: of those that may use the route, the first that signs, or else the first
    /// that has a token]
    #[arg(long, value_name = "NAME", help_heading = REQUEST, add = completion::callers())]
    caller: Option<String>,
    /// Environment variable with a bearer token, for users who may not read the integration's secret
    #[arg(long, value_name = "VARIABLE", help_heading = REQUEST, conflicts_with = "caller")]
    bearer_token_env: Option<String>,
    /// Environment variable with a signing secret, for users who may not read the integration's secret
    #[arg(long, value_name = "VARIABLE", help_heading = REQUEST, conflicts_with_all = ["caller", "bearer_token_env"])]
    signing_secret_env: Option<String>,
    /// Idempotency key of the request [default: a new one]
    #[arg(long, visible_alias = "webhook-id", value_name = "KEY", help_heading = REQUEST, value_parser = key)]
    idempotency_key: Option<String>,
    /// The whole body as JSON, instead of the options for its parts: a file, or - for standard input
    #[arg(long, value_name = "FILE", help_heading = REQUEST)]
    pub(crate) body: Option<PathBuf>,
}

impl CallerArgs {
    /// The given idempotency key, or a new one.
    pub(crate) fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| format!("msg_{}", Uuid::new_v4().simple()))
    }

    /// Posts `body` to a route; `retry_hint` is for the error when no response arrives.
    pub(crate) async fn post(
        &self,
        stack: &Stack,
        route: &str,
        key: &str,
        body: Vec<u8>,
        retry_hint: &str,
        output: Output,
    ) -> Result<ApiResponse, CliError> {
        let credential = self.credential(stack, route, output).await?;
        let url = stack.route_url(&format!("{}/{route}", self.integration)).await?;
        let request = sign_request(&credential, stack.http_client()?.post(url), key, body);
        let response = request.send().await.map_err(|error| no_response(error, retry_hint))?;
        ApiResponse::read(response, retry_hint).await
    }

    async fn credential(&self, stack: &Stack, route: &str, output: Output) -> Result<Credential, CliError> {
        if let Some(variable) = &self.bearer_token_env {
            return env_secret(variable).map(|token| Credential::BearerToken(token.into()));
        }
        if let Some(variable) = &self.signing_secret_env {
            let secret = SigningSecret::parse(&env_secret(variable)?);
            let secret = secret.map_err(|error| CliError::Usage(format!("the variable {variable} {error}")))?;
            return Ok(Credential::SigningSecret(secret));
        }
        let integration = integrations::load(stack, &self.integration).await?;
        if let Some(notice) = channel_notice(&integration, route) {
            output.notice(&notice);
        }
        credential_of(&integration, self.caller.as_deref(), route)
    }
}

/// Authenticates a request with a caller's credential, with the idempotency key `key` and a JSON `body`.
pub(crate) fn sign_request(
    credential: &Credential,
    request: RequestBuilder,
    key: &str,
    body: Vec<u8>,
) -> RequestBuilder {
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

/// The credential of the caller with that name, or of the first that may use the route; callers that sign are preferred
/// to those with a token.
fn credential_of(integration: &Integration, wanted: Option<&str>, route: &str) -> Result<Credential, CliError> {
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
        CliError::Failed(match (wanted, known.is_empty()) {
            (_, true) => format!(
                "the integration `{name}` has no callers: `patchbay integration add {name} --replace --caller crm` \
                 adds one"
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

/// What to say about a route that is for a messaging service, if the integration has a channel in its place.
fn channel_notice(integration: &Integration, route: &str) -> Option<String> {
    let channel = integration.destination.channel()?;
    let is_for_messaging_service = route == "receipts" || route.starts_with("inbound/");
    is_for_messaging_service.then(|| {
        format!(
            "`{}` has the channel {}: Patchbay itself posts what its customers do, and delivery statuses.",
            integration.name,
            channel.name().as_str()
        )
    })
}

fn env_secret(variable: &str) -> Result<String, CliError> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| CliError::Usage(format!("the environment variable {variable} is not set")))
}

pub(crate) fn no_response(error: reqwest::Error, retry_hint: &str) -> CliError {
    let (built, connected) = (!error.is_builder(), !error.is_connect());
    let cause = error_chain(&error.without_url());
    CliError::Failed(match (built, connected) {
        (false, _) => format!("the request cannot be built, and nothing was sent: {cause}"),
        (_, false) => format!("the API cannot be reached, and nothing was sent: {cause}"),
        (true, true) => format!("no response arrived, so the outcome is unknown: {cause}\n  {retry_hint}"),
    })
}

/// An idempotency key is sent in a header.
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
        let credential = credential_of(integration, wanted, "receipts").map_err(|failure| failure.to_string())?;
        Ok(matches!(credential, Credential::SigningSecret(_)))
    }

    #[test]
    fn the_default_caller_is_the_first_that_signs() {
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
    fn a_caller_that_may_not_use_the_route_is_skipped_unless_it_is_named() {
        let token = "0123456789abcdef0123456789abcdef";
        let confined = |routes: Value| json!({"name": "crm", "signingSecret": SECRET, "routes": routes});
        let both = integration(json!([confined(json!(["inbound"])), {"name": "flows", "bearerToken": token}]));
        assert_eq!((Ok(false), Ok(true)), (signs(&both, None), signs(&both, Some("crm"))));
        assert_eq!(Ok(true), signs(&integration(json!([confined(json!(["receipts"]))])), None));
        let none = signs(&integration(json!([confined(json!(["inbound"]))])), None).unwrap_err();
        assert!(none.starts_with("no caller of the integration `acme` may use receipts: "), "{none}");
    }

    #[test]
    fn what_a_channel_does_by_itself_is_said() {
        let integration = |destination: &str| {
            let document = format!(r#"{{"platform": "highlevel", "locationId": "l", "token": "t", {destination}}}"#);
            Integration::parse("acme".parse().unwrap(), &document).unwrap()
        };
        let twilio = integration(
            r#""channel": {"kind": "twilio", "publicUrl": "https://e.com", "from": "+15005550006",
                "accountSid": "AC0123456789abcdef0123456789abcdef", "authTokens": ["0123456789abcdef0123456789abcdef"]}"#,
        );
        for route in ["receipts", "inbound/messages"] {
            assert!(channel_notice(&twilio, route).unwrap().contains("the channel twilio"));
        }
        assert_eq!(None, channel_notice(&twilio, "agentless"));
        let delivery = format!(r#""delivery": {{"url": "https://e.com/", "signingSecrets": ["{SECRET}"]}}"#);
        assert_eq!(None, channel_notice(&integration(&delivery), "receipts"));
    }

    #[test]
    fn a_key_is_printable_and_not_too_long() {
        assert!(key("order-4711 a").is_ok() && key(&"k".repeat(255)).is_ok());
        for bad in ["", "ü", "a\nb", &"k".repeat(256)] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }
}
