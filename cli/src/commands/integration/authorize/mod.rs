//! `patchbay integration authorize`.

mod callback;

use super::generate;
use super::secret_store::SecretStore;
use crate::api::platform_http;
use crate::aws::completion;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::{Output, key_values, sanitize};
use crate::ui::prompt;
use crate::ui::values::{number, url};
use callback::{Callback, Redirect, is_loopback, read_redirect, refused};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use shared::authorization::Authorization;
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::highlevel::api::{AuthorizationRequest, Marketplace};
use shared::platform::highlevel::config::{App, Config, Credentials};
use shared::platform::tokens::IssuedTokens;
use shared::platform::{ApiError, PlatformConfig};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// The time for exchanging the code.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Authorize an integration's app on HighLevel
///
/// Prints the address at which somebody with access to the location installs the app, receives the code with which the
/// platform redirects the browser, and stores the tokens that it is exchanged for. The functions renew them.
#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay integration authorize acme",
    "patchbay integration authorize acme --paste",
]))]
pub(crate) struct Authorize {
    /// Name of the integration
    #[arg(add = completion::integrations())]
    name: IntegrationName,
    /// The code, or the whole address that the browser was redirected to, of an authorization that is already made
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// A redirect URI of the app. On this machine, the command receives the code there; else the code is prompted for
    #[arg(long, value_name = "URI", default_value = "http://localhost:8765/callback", value_parser = url)]
    redirect_uri: Url,
    /// Prompt for the code instead of receiving it at the redirect URI
    #[arg(long, conflicts_with = "code")]
    paste: bool,
    /// Use the address of the marketplace that does not show the vendor's name
    #[arg(long)]
    white_label: bool,
    /// How long to wait for the code
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = number(1..=86_400_u64))]
    timeout_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authorized {
    integration: IntegrationName,
    location_id: String,
    secret: String,
    /// When the access token expires, unless it is renewed before.
    expires_at: Timestamp,
    /// When the refresh token ends, unless it is used before.
    refresh_token_ends_at: Option<Timestamp>,
}

pub(super) async fn run(authorize: Authorize, stack: &Stack, output: Output) -> Result<(), CliError> {
    let name = &authorize.name;
    let secrets = SecretStore::open(stack).await?;
    let integration = secrets.require(name).await?.document.to_integration(name)?;
    let (config, app) = app_of(&integration)?;
    let code = authorize.code(app, output).await?;
    let http = platform_http()?;
    let exchange = AuthorizationRequest { http: &http, config, app };
    let deadline = Instant::now() + EXCHANGE_TIMEOUT;
    let issued =
        exchange.exchange(&code, &authorize.redirect_uri, deadline).await.map_err(|error| not_issued(&error))?;
    check_location(config, &issued)?;
    let secret = secrets.authorization(name);
    let granted = |present| Authorization::granted(present, &issued);
    let authorization = secret.update(granted, async || secrets.new_authorization(name).await).await?;
    let authorized = Authorized {
        integration: name.clone(),
        location_id: config.location_id.clone(),
        secret: secret.id,
        expires_at: issued.expires_at,
        refresh_token_ends_at: authorization.refresh_token_ends_at(),
    };
    output.result(&authorized, human);
    Ok(())
}

fn app_of(integration: &Integration) -> Result<(&Config, &App), CliError> {
    let name = &integration.name;
    match &integration.platform {
        PlatformConfig::HighLevel(config) => match &config.credentials {
            Credentials::App(app) => Ok((config, app)),
            Credentials::Token(_) => Err(CliError::Failed(format!(
                "the integration `{name}` has a token and no app: `patchbay integration add {name} --replace \
                 --client-id ID --client-secret-file FILE` gives it one"
            ))),
        },
        other => Err(CliError::Usage(format!("the platform {} has no authorizations", other.name().as_str()))),
    }
}

impl Authorize {
    /// The code that was given, or that the platform sends.
    async fn code(&self, app: &App, output: Output) -> Result<String, CliError> {
        if let Some(given) = &self.code {
            return read_code(given, None).map_err(CliError::Usage);
        }
        let state = generate::token()?;
        let marketplace = if self.white_label { Marketplace::WhiteLabel } else { Marketplace::HighLevel };
        let url = marketplace.authorization_url(app, &self.redirect_uri, &state);
        let url = url.ok_or_else(|| CliError::Failed("the address of the marketplace is invalid".to_owned()))?;
        let ask = format!("Open this address, and choose the location of the integration:\n\n  {url}\n");
        if is_loopback(&self.redirect_uri) && !self.paste {
            // It listens before anybody knows the address.
            let callback = Callback::listen(&self.redirect_uri).await?;
            output.notice(&ask);
            return callback.code(&state, Duration::from_secs(self.timeout_seconds)).await;
        }
        output.notice(&ask);
        if !prompt::is_interactive() {
            return Err(CliError::Usage("then run the command again with --code".to_owned()));
        }
        let question = "The code, or the address that the browser was redirected to";
        let answer = prompt::text(question, |answer| read_code(answer, Some(&state)).map(drop))?;
        read_code(&answer, Some(&state)).map_err(CliError::Failed)
    }
}

/// Reads a code, or an address with a code. Without `state`, an address of any run is accepted.
fn read_code(given: &str, state: Option<&str>) -> Result<String, String> {
    let Ok(url) = Url::parse(given) else {
        let is_code = !given.is_empty() && given.chars().all(|character| character.is_ascii_graphic());
        return if is_code { Ok(given.to_owned()) } else { Err("the code must be one word".to_owned()) };
    };
    let own_state = url.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
    match read_redirect(&url, state.or(own_state.as_deref()).unwrap_or_default()) {
        Redirect::Code(code) => Ok(code),
        Redirect::Refused(reason) => Err(refused(&reason).to_string()),
        Redirect::OtherState => Err("the address belongs to another run of this command".to_owned()),
        Redirect::Other => Err("the address has no code".to_owned()),
    }
}

fn not_issued(error: &ApiError) -> CliError {
    let described = match error {
        ApiError::Credentials(error) => format!(
            "HighLevel refuses the code, the redirect URI or the client's id and secret: status {}{}",
            error.status,
            error.message.as_deref().map(|message| format!(" ({})", sanitize(message))).unwrap_or_default()
        ),
        other => format!("HighLevel issues no tokens: {other}"),
    };
    CliError::Failed(format!("{described}. A code is valid for a short time and once; nothing was changed"))
}

/// The tokens must be those of the integration's own location.
fn check_location(config: &Config, issued: &IssuedTokens) -> Result<(), CliError> {
    let expected = &config.location_id;
    match (issued.detail("locationId"), issued.detail("userType")) {
        (Some(location), _) if location == expected => Ok(()),
        (Some(location), _) => Err(CliError::Failed(format!(
            "the app was authorized for the location {}, and the integration's is {expected}; nothing was changed: \
             run the command again, and choose that location",
            sanitize(location)
        ))),
        (None, Some("Company")) => Err(CliError::Failed(format!(
            "the app was authorized for an agency as a whole; nothing was changed: run the command again, and choose \
             the location {expected} (the app's target user must be the sub-account)"
        ))),
        (None, _) => Err(CliError::Failed(
            "HighLevel does not say which location has authorized the app; nothing was changed".to_owned(),
        )),
    }
}

fn human(authorized: &Authorized) -> String {
    let name = &authorized.integration;
    let lines = [
        ("location", authorized.location_id.clone()),
        ("secret", authorized.secret.clone()),
        ("access token expires", authorized.expires_at.to_string()),
    ];
    format!(
        "`{name}` is authorized.\n\n{}\n\nThe functions renew the tokens. `patchbay doctor {name}` shows their state.",
        key_values(lines)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_alone_or_in_an_address() {
        assert_eq!(Ok("c-1".to_owned()), read_code("c-1", Some("s")));
        assert_eq!(Ok("c-1".to_owned()), read_code("https://e.com/?code=c-1&state=s", Some("s")));
        assert_eq!(Ok("c-1".to_owned()), read_code("https://e.com/?code=c-1&state=any", None));
        for bad in ["", "two words", "https://e.com/?code=c-1&state=other", "https://e.com/"] {
            assert!(read_code(bad, Some("s")).is_err(), "{bad}");
        }
    }
}
