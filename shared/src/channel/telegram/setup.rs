//! What an operator sets up and checks: the bot, and its webhook.

use super::answer::{Accepted, Failure};
use super::bot::Bot;
use super::call::call;
use super::config::{Config, SECRET_HEADER};
use super::part::Parameters;
use crate::channel::error::NoAnswer;
use crate::channel::provider::TrialRequest;
use crate::http_client::{HttpClient, TIMEOUT};
use crate::json::lenient::{Members, text};
use crate::limits::bounded;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The updates that the channel reads. Without a list, Telegram keeps the former one.
pub const ALLOWED_UPDATES: [&str; 4] = ["message", "edited_message", "callback_query", "my_chat_member"];

/// Who a bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotIdentity {
    pub id: String,
    /// Without `@`.
    pub username: Option<String>,
    pub name: Option<String>,
}

/// What Telegram knows of a bot's webhook. It does not tell the secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookInfo {
    /// `None` if there is no webhook.
    pub url: Option<String>,
    pub pending_updates: u64,
    pub last_error_at: Option<Timestamp>,
    pub last_error: Option<String>,
    /// Empty if Telegram's own list applies.
    pub allowed_updates: Vec<String>,
}

/// Why a call failed. Telegram's own words may be in it, the token is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("Telegram does not accept the bot's token, or the API's address is wrong: status {0}")]
    Token(u16),
    #[error("Telegram refused with status {status}: {description}")]
    Refused { status: u16, description: String },
    #[error("Telegram limits the rate: try again in {} s", .seconds.unwrap_or(1))]
    RateLimited { seconds: Option<u64> },
    #[error("Telegram could not be reached: {0}")]
    Unavailable(String),
}

impl Config {
    /// Where Telegram sends updates.
    #[must_use]
    pub fn webhook_url(&self) -> &str {
        self.address.as_str()
    }

    /// No update.
    pub(in crate::channel) fn trial_request(&self) -> TrialRequest {
        let proof = self.webhook_secret().map(|secret| (SECRET_HEADER, secret.expose_secret().to_owned()));
        let content_type = (CONTENT_TYPE, "application/json".to_owned());
        TrialRequest { headers: proof.into_iter().chain([content_type]).collect(), body: "{}".to_owned() }
    }
}

/// Checks the token.
///
/// # Errors
/// See [`SetupError`].
pub async fn get_me(http: &HttpClient, bot: &Bot) -> Result<BotIdentity, SetupError> {
    let identity = |me: &Members<'_>| {
        Some(BotIdentity { id: me.id("id")?, username: me.text("username"), name: me.text("first_name") })
    };
    let answer = setup_call(http, bot, "getMe", json!({})).await?;
    answer.result(identity).ok_or_else(|| SetupError::Unavailable("the answer cannot be read".to_owned()))
}

/// # Errors
/// See [`SetupError`].
pub async fn webhook_info(http: &HttpClient, bot: &Bot) -> Result<WebhookInfo, SetupError> {
    let info = |info: &Members<'_>| {
        let at = info.count("last_error_date").and_then(|seconds| i64::try_from(seconds).ok());
        Some(WebhookInfo {
            url: info.text("url"),
            pending_updates: info.count("pending_update_count").unwrap_or_default(),
            last_error_at: at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            last_error: info.text("last_error_message").map(|words| bounded(&bot.without_token(&words)).into_owned()),
            allowed_updates: info.list("allowed_updates").filter_map(text).collect(),
        })
    };
    let answer = setup_call(http, bot, "getWebhookInfo", json!({})).await?;
    answer.result(info).ok_or_else(|| SetupError::Unavailable("the answer cannot be read".to_owned()))
}

/// Makes Telegram send updates to this URL, with this secret. A bot has one webhook: another one is replaced.
///
/// # Errors
/// See [`SetupError`].
pub async fn set_webhook(http: &HttpClient, bot: &Bot, url: &str, secret: &SecretString) -> Result<(), SetupError> {
    let parameters = json!({"url": url, "secret_token": secret.expose_secret(), "allowed_updates": ALLOWED_UPDATES});
    setup_call(http, bot, "setWebhook", parameters).await.map(|_| ())
}

/// Removes the webhook. Updates that wait stay.
///
/// # Errors
/// See [`SetupError`].
pub async fn delete_webhook(http: &HttpClient, bot: &Bot) -> Result<(), SetupError> {
    setup_call(http, bot, "deleteWebhook", json!({})).await.map(|_| ())
}

async fn setup_call(
    http: &HttpClient,
    bot: &Bot,
    method: &'static str,
    parameters: Value,
) -> Result<Accepted, SetupError> {
    let parameters = if let Value::Object(parameters) = parameters { parameters } else { Parameters::new() };
    let answer = call(http, bot, method, &parameters, Instant::now() + TIMEOUT).await;
    answer.map_err(|failure| match failure {
        Failure::Refused { status, description, .. } => {
            SetupError::Refused { status, description: bounded(&bot.without_token(&description)).into_owned() }
        }
        Failure::Configuration { status } => SetupError::Token(status),
        Failure::RateLimited(wait) => SetupError::RateLimited { seconds: wait.map(|wait| wait.as_secs()) },
        Failure::NoAnswer(NoAnswer { cause, .. }) | Failure::NotCalled(cause) => {
            SetupError::Unavailable(cause.to_owned())
        }
        Failure::Unknown { cause, .. } => SetupError::Unavailable(cause),
    })
}
