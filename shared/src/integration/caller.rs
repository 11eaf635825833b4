use super::{Secret, secret};
use crate::fields::{Fields, text};
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
}

/// How a caller proves who it is.
#[derive(Debug)]
pub enum Credential {
    /// It signs its requests as Standard Webhooks say.
    SigningSecret(SigningSecret),
    /// It sends a token.
    BearerToken(Secret),
}

impl Caller {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", text);
        let one_of_two = fields.has("signingSecret") != fields.has("bearerToken");
        let signing_secret = fields.optional("signingSecret", signing_secret).map(Credential::SigningSecret);
        let bearer_token = fields.optional("bearerToken", bearer_token).map(Credential::BearerToken);
        if !one_of_two {
            fields.fault_here("must have one of `signingSecret` and `bearerToken`");
        }
        Some(Self { name: name?, credential: signing_secret.or(bearer_token)? })
    }
}

/// A Standard Webhooks secret in its written form.
pub(super) fn signing_secret(value: Value) -> Result<SigningSecret, String> {
    SigningSecret::parse(&text(value)?).map_err(|error| error.to_string())
}

fn bearer_token(value: Value) -> Result<Secret, String> {
    let token = secret(value)?;
    if token.expose_secret().chars().count() < MINIMUM_TOKEN_CHARACTERS {
        return Err(format!("must have at least {MINIMUM_TOKEN_CHARACTERS} characters"));
    }
    Ok(token)
}
