//! The bot's webhook: how it is set, and how updates are posted to it.

use super::answers::{Done, Refusal};
use super::parameters::Parameters;
use super::updates::Update;
use crate::simulators::answer::Answer;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use url::Url;

const PORTS: [u16; 4] = [443, 80, 88, 8443];
const LONGEST_SECRET: usize = 256;
/// Between two changes.
const PAUSE: Duration = Duration::from_secs(1);
/// A connection is idle for at most this long.
const IDLE: Duration = Duration::from_secs(60);

/// The kinds of update that are posted only if they are asked for.
const ASKED_FOR: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// Where updates are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    pub url: String,
    pub secret_token: Option<String>,
    /// Empty: all kinds but those that must be asked for.
    pub allowed_updates: Vec<String>,
    pub max_connections: i64,
}

impl WebhookSettings {
    fn read(parameters: &Parameters, former: Option<&Self>) -> Result<Self, Refusal> {
        let wrong = |reason: &str| Err(Refusal::bad_request(&format!("bad webhook: {reason}")));
        let given = parameters.text("url").unwrap_or_default();
        let Ok(url) = Url::parse(given) else { return wrong("invalid URL") };
        // What listens on this machine has no certificate, and any port.
        let is_here = url.host_str() == Some("127.0.0.1");
        if url.scheme() != "https" && !is_here {
            return wrong("An HTTPS URL must be provided for webhook");
        }
        if !is_here && !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return wrong("Webhook can be set up only on ports 80, 88, 443 or 8443");
        }
        let secret_token = parameters.text("secret_token").map(str::to_owned);
        let is_good = |secret: &String| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            secret.len() <= LONGEST_SECRET && secret.bytes().all(allowed)
        };
        if !secret_token.iter().all(is_good) {
            return Err(Refusal::bad_request("secret token contains unallowed characters"));
        }
        let allowed_updates: Option<Vec<String>> = parameters.json("allowed_updates")?;
        let former = || former.map(|former| former.allowed_updates.clone()).unwrap_or_default();
        let max_connections = parameters.integer("max_connections").unwrap_or(40);
        if !(1..=100).contains(&max_connections) {
            return Err(Refusal::bad_request("max_connections"));
        }
        Ok(Self {
            url: given.to_owned(),
            secret_token,
            allowed_updates: allowed_updates.unwrap_or_else(former),
            max_connections,
        })
    }

    fn allows(&self, kind: &str) -> bool {
        if self.allowed_updates.is_empty() {
            return !ASKED_FOR.contains(&kind);
        }
        self.allowed_updates.iter().any(|allowed| allowed == kind)
    }
}

#[derive(Default)]
struct State {
    settings: Option<WebhookSettings>,
    changed: Option<Instant>,
    /// The time and the text of the last failure.
    last_error: Option<(i64, String)>,
    /// The updates that were posted and not accepted.
    pending: HashSet<i64>,
}

#[derive(Default)]
pub(super) struct Webhook(Mutex<State>);

impl Webhook {
    pub(super) fn settings(&self) -> Option<WebhookSettings> {
        self.0.lock().expect("no panic").settings.clone()
    }

    pub(super) fn set(&self, parameters: &Parameters) -> Result<Done, Refusal> {
        if parameters.text("url").is_none() {
            return Ok(self.delete(parameters));
        }
        let mut state = self.0.lock().expect("no panic");
        let settings = WebhookSettings::read(parameters, state.settings.as_ref())?;
        if state.settings.as_ref() == Some(&settings) {
            return Ok(Done::described("Webhook is already set"));
        }
        if state.changed.is_some_and(|changed| changed.elapsed() < PAUSE) {
            return Err(Refusal::retry_after(PAUSE.as_secs()));
        }
        let pending = if drops_pending(parameters) { HashSet::new() } else { std::mem::take(&mut state.pending) };
        *state = State { settings: Some(settings), changed: Some(Instant::now()), last_error: None, pending };
        Ok(Done::described("Webhook was set"))
    }

    pub(super) fn delete(&self, parameters: &Parameters) -> Done {
        let mut state = self.0.lock().expect("no panic");
        if drops_pending(parameters) {
            state.pending.clear();
        }
        let was_set = state.settings.take().is_some();
        Done::described(if was_set { "Webhook was deleted" } else { "Webhook is already deleted" })
    }

    pub(super) fn info(&self) -> Value {
        let state = self.0.lock().expect("no panic");
        let Some(settings) = &state.settings else {
            return json!({"url": "", "has_custom_certificate": false, "pending_update_count": state.pending.len()});
        };
        let mut info = json!({
            "url": settings.url, "has_custom_certificate": false, "pending_update_count": state.pending.len(),
            "max_connections": settings.max_connections, "ip_address": "127.0.0.1",
        });
        if !settings.allowed_updates.is_empty() {
            info["allowed_updates"] = json!(settings.allowed_updates);
        }
        if let Some((date, message)) = &state.last_error {
            (info["last_error_date"], info["last_error_message"]) = (json!(date), json!(message));
        }
        info
    }

    /// Posts an update once to the webhook that is set.
    pub(super) async fn post(&self, update: &Update) -> Answer {
        let settings = self.settings().expect("a webhook is set");
        assert!(settings.allows(update.kind()), "the webhook is not for {}: {settings:?}", update.kind());
        self.0.lock().expect("no panic").pending.insert(update.id);
        let answer = post(&settings.url, settings.secret_token.as_deref(), update).await;
        let mut state = self.0.lock().expect("no panic");
        if answer.is_success() {
            state.pending.remove(&update.id);
        } else {
            let error = format!("Wrong response from the webhook: {}", answer.status);
            state.last_error = Some((Timestamp::now().as_second(), error));
        }
        answer
    }
}

fn drops_pending(parameters: &Parameters) -> bool {
    parameters.text("drop_pending_updates") == Some("true")
}

/// Posts an update once.
pub(super) async fn post(url: &str, secret: Option<&str>, update: &Update) -> Answer {
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(IDLE);
    let http = http.build().expect("an HTTP client");
    let mut request = http.post(url).header("content-type", "application/json").body(update.body.to_string());
    if let Some(secret) = secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    Answer::read(request.send().await.expect("an answer")).await.expect("a body")
}

/// Asserts that a success holds no method, which Telegram would run.
pub(super) fn assert_runs_nothing(answer: &Answer) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    assert!(!answer.is_success() || body.get("method").is_none(), "{answer:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn set(webhook: &Webhook, parameters: &[(&str, &str)]) -> Result<Done, Refusal> {
        let values = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        webhook.set(&Parameters { values: values.collect::<BTreeMap<_, _>>(), ..Parameters::default() })
    }

    #[test]
    fn only_what_the_vendor_allows_can_be_set() {
        let longest = "a".repeat(LONGEST_SECRET);
        for (url, secret, good) in [
            ("https://example.com/t", "A-Z_9", true),
            ("https://example.com:8443/t", &longest, true),
            ("https://example.com:8444/t", "a", false),
            ("http://example.com/t", "a", false),
            ("example.com", "a", false),
            ("http://127.0.0.1:4000/t", "a", true),
            ("https://example.com/t", "a=", false),
            ("https://example.com/t", &format!("{longest}a"), false),
        ] {
            assert_eq!(good, set(&Webhook::default(), &[("url", url), ("secret_token", secret)]).is_ok(), "{url}");
        }
        assert!(set(&Webhook::default(), &[("url", "https://example.com"), ("max_connections", "101")]).is_err());
    }

    #[test]
    fn the_same_settings_change_nothing_and_others_must_wait_a_second() {
        let webhook = Webhook::default();
        let first = [("url", "https://example.com/"), ("allowed_updates", r#"["message"]"#)];
        set(&webhook, &first).unwrap();
        set(&webhook, &[("url", "https://example.com/")]).unwrap();
        assert_eq!(json!(["message"]), webhook.info()["allowed_updates"]);
        assert!(set(&webhook, &[("url", "https://example.com/other")]).is_err());
        let settings = webhook.settings().unwrap();
        assert!(settings.allows("message") && !settings.allows("callback_query"));
    }
}
