use super::{Secret, shared_secret};
use crate::digest::Identity;
use crate::json::fields::{Fields, list, text};
use crate::platform::Route;
use crate::signature::standard_webhooks::SigningSecret;
use secrecy::ExposeSecret;
use serde_json::Value;

/// The shortest bearer token that can be called a secret.
const MINIMUM_TOKEN_CHARACTERS: usize = 32;

/// A system of the company that may call the sender routes.
#[derive(Debug)]
pub struct Caller {
    /// Its name, for the logs.
    pub name: String,
    /// How it proves who it is.
    pub credential: Credential,
    /// The routes that it is confined to; none where it may call all.
    pub routes: Option<Vec<Route>>,
}

/// How a caller proves who it is.
#[derive(Debug)]
pub enum Credential {
    /// It signs its requests as Standard Webhooks say.
    SigningSecret(SigningSecret),
    /// It sends a token.
    BearerToken(Secret),
}

impl Credential {
    /// The same for the same secret, and says nothing of it, as long as it stays in memory: to see whether two callers
    /// have the same.
    #[must_use]
    pub fn digest(&self) -> Identity {
        match self {
            Self::SigningSecret(secret) => secret.digest(),
            Self::BearerToken(token) => Identity::of(&[token.expose_secret()]),
        }
    }
}

impl Caller {
    /// Whether it may call this route.
    #[must_use]
    pub fn may_call(&self, route: Route) -> bool {
        self.routes.as_ref().is_none_or(|routes| routes.contains(&route))
    }

    /// Reads an entry of `callers`.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", text);
        let one_of_two = fields.has("signingSecret") != fields.has("bearerToken");
        let signing_secret = fields.optional("signingSecret", signing_secret).map(Credential::SigningSecret);
        let bearer_token = fields.optional("bearerToken", bearer_token).map(Credential::BearerToken);
        let routes = fields.optional("routes", |value| {
            let named = list(routes)(value)?.concat();
            Ok(Route::ALL.into_iter().filter(|route| named.contains(route)).collect())
        });
        if !one_of_two {
            fields.fault_here("must have one of `signingSecret` and `bearerToken`");
        }
        Some(Self { name: name?, credential: signing_secret.or(bearer_token)?, routes })
    }
}

/// A Standard Webhooks secret in its written form.
pub(super) fn signing_secret(value: Value) -> Result<SigningSecret, String> {
    SigningSecret::parse(&text(value)?).map_err(|error| error.to_string())
}

fn bearer_token(value: Value) -> Result<Secret, String> {
    shared_secret(MINIMUM_TOKEN_CHARACTERS)(value)
}

/// The routes that a word names.
fn routes(value: Value) -> Result<Vec<Route>, String> {
    match Route::named(&text(value)?) {
        none if none.is_empty() => {
            let names = Route::ALL.map(Route::as_str).join("`, `");
            Err(format!("must be `inbound`, `agent` or one of `{names}`"))
        }
        named => Ok(named),
    }
}
