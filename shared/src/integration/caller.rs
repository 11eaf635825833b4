//! The systems that may call the API of an integration.

use crate::digest::Digest;
use crate::json::fields::{Fields, list, shared_secret, text};
use crate::platform::Route;
use crate::signature::standard_webhooks::SigningSecret;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const MIN_TOKEN_CHARACTERS: usize = 32;

/// A system of the company that may call the API.
#[derive(Debug)]
pub struct Caller {
    /// For the logs.
    pub name: String,
    pub credential: Credential,
    /// The routes that it may call; `None` means all.
    pub routes: Option<Vec<Route>>,
}

/// How a caller authenticates.
#[derive(Debug)]
pub enum Credential {
    /// Signs its requests according to Standard Webhooks.
    SigningSecret(SigningSecret),
    BearerToken(SecretString),
}

impl Credential {
    /// Identifies the secret, to detect callers that share one. Keep it in memory only.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::SigningSecret(secret) => secret.digest(),
            Self::BearerToken(token) => Digest::of_parts(&[token.expose_secret()]),
        }
    }
}

impl Caller {
    #[must_use]
    pub fn may_call(&self, route: Route) -> bool {
        self.routes.as_ref().is_none_or(|routes| routes.contains(&route))
    }

    /// Reads an element of `callers`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", text);
        let has_one_credential = fields.has("signingSecret") != fields.has("bearerToken");
        let signing_secret = fields.optional("signingSecret", signing_secret).map(Credential::SigningSecret);
        let bearer_token = fields.optional("bearerToken", bearer_token).map(Credential::BearerToken);
        let routes = fields.optional("routes", |value| {
            let listed = list(routes)(value)?.concat();
            Ok(Route::ALL.into_iter().filter(|route| listed.contains(route)).collect())
        });
        if !has_one_credential {
            fields.error_here("must have either `signingSecret` or `bearerToken`");
        }
        Some(Self { name: name?, credential: signing_secret.or(bearer_token)?, routes })
    }
}

pub(super) fn signing_secret(value: Value) -> Result<SigningSecret, String> {
    SigningSecret::parse(&text(value)?).map_err(|error| error.to_string())
}

fn bearer_token(value: Value) -> Result<SecretString, String> {
    shared_secret(MIN_TOKEN_CHARACTERS)(value)
}

/// Reads the name of a route or of a group of routes.
fn routes(value: Value) -> Result<Vec<Route>, String> {
    match Route::named(&text(value)?) {
        none if none.is_empty() => {
            let names = Route::ALL.map(Route::as_str).join("`, `");
            Err(format!("must be `inbound`, `agent` or one of `{names}`"))
        }
        named => Ok(named),
    }
}
