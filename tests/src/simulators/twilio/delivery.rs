//! Posts webhooks, and repeats them by the rules that the URL's fragment sets.

use super::webhook::Webhook;
use crate::simulators::answer::Answer;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use reqwest::redirect::Policy;
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// For a webhook with all its repeats.
const TOTAL: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);

impl Answer {
    /// Asserts that a customer's message is received, and that nothing is sent to the customer as the answer.
    pub fn assert_received(&self) {
        assert_eq!((200, "text/xml"), (self.status, self.media_type()), "{self:?}");
        let twiml = self.body.trim().trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim();
        assert!(["<Response/>", "<Response></Response>"].contains(&twiml), "{self:?}");
    }

    fn media_type(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Answered(Answer),
    NotConnected,
    TimedOut,
}

impl Attempt {
    /// The answer, if it is a success.
    fn success(&self) -> Option<&Answer> {
        match self {
            Self::Answered(answer) if answer.is_success() => Some(answer),
            _ => None,
        }
    }

    /// The name of the failure in the fragment.
    fn failure(&self) -> &'static str {
        match self {
            Self::Answered(answer) if answer.status < 500 => "4xx",
            Self::Answered(_) => "5xx",
            Self::NotConnected => "ct",
            Self::TimedOut => "rt",
        }
    }
}

/// All attempts to post a webhook, in order.
#[derive(Debug, Clone)]
pub struct Delivered {
    pub attempts: Vec<Attempt>,
    /// Whether the last one was to the fallback URL.
    pub fell_back: bool,
}

impl Delivered {
    /// The answer of the last attempt, if it was a success.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.attempts.last()?.success()
    }
}

/// The connection overrides in a URL's fragment.
#[derive(Debug, PartialEq, Eq)]
struct Overrides {
    retries: usize,
    retried: Vec<String>,
    connect: Duration,
    read: Duration,
}

impl Overrides {
    fn of(url: &str) -> Self {
        let mut overrides = Self { retries: 1, retried: vec!["ct".to_owned()], connect: CONNECT, read: TOTAL };
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for (name, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let number = || value.parse().unwrap_or_else(|_| panic!("{name}={value} in {url}"));
            match &*name {
                "rc" => overrides.retries = usize::try_from(number()).expect("small"),
                "rp" => overrides.retried = value.split(',').map(str::to_owned).collect(),
                "ct" => overrides.connect = Duration::from_millis(number()),
                "rt" => overrides.read = Duration::from_millis(number()),
                "tt" | "e" | "sni" => {}
                _ => panic!("{name} in {url}"),
            }
        }
        assert!(overrides.retries <= 5, "{url}");
        overrides
    }

    fn repeat(&self, failure: &str) -> bool {
        self.retried.iter().any(|one| one == failure || one == "all")
    }
}

/// Posts it once.
pub(super) async fn post(webhook: &Webhook) -> Answer {
    match attempt(webhook, CONNECT, WAIT_TIMEOUT).await {
        Attempt::Answered(answer) => answer,
        failure => panic!("{}: {failure:?}", webhook.address),
    }
}

/// Posts it to the configured URL as often as that says, and then to the fallback.
pub(super) async fn deliver(webhook: &Webhook, configured: &str, fallback: Option<Webhook>) -> Delivered {
    let (overrides, begun) = (Overrides::of(configured), Instant::now());
    let mut attempts = Vec::new();
    for _ in 0..=overrides.retries {
        let remaining = TOTAL.saturating_sub(begun.elapsed());
        if remaining.is_zero() {
            break;
        }
        let attempt = attempt(webhook, overrides.connect.min(remaining), overrides.read.min(remaining)).await;
        let is_final = attempt.success().is_some() || !overrides.repeat(attempt.failure());
        attempts.push(attempt);
        if is_final {
            break;
        }
    }
    let failed = attempts.last().and_then(Attempt::success).is_none();
    let fallback = fallback.filter(|_| failed);
    if let Some(webhook) = &fallback {
        attempts.push(attempt(webhook, CONNECT, TOTAL).await);
    }
    Delivered { attempts, fell_back: fallback.is_some() }
}

async fn attempt(webhook: &Webhook, connect: Duration, read: Duration) -> Attempt {
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(connect);
    let http = http.user_agent("TwilioProxy/1.1").build().expect("an HTTP client");
    let mut request = http.post(&webhook.address).timeout(read).body(webhook.body.clone());
    request = request.header("content-type", webhook.content_type);
    request = request.header("i-twilio-idempotency-token", &webhook.idempotency_token);
    if let Some(signature) = &webhook.signature {
        request = request.header("x-twilio-signature", signature);
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Attempt::NotConnected,
        Err(_) => return Attempt::TimedOut,
    };
    Answer::read(response).await.map_or(Attempt::TimedOut, Attempt::Answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_sets_what_is_repeated_and_how_often() {
        let usual = Overrides::of("https://example.com/");
        assert!(usual.repeat("ct") && !usual.repeat("5xx") && usual.retries == 1);
        let all = Overrides::of("https://example.com/#rc=3&rp=all&ct=2000&rt=4500");
        assert!(all.repeat("4xx") && all.repeat("rt"));
        assert_eq!((3, Duration::from_millis(4_500)), (all.retries, all.read));
        let some = Overrides::of("https://example.com/#rc=2&rp=ct,5xx");
        assert!(some.repeat("5xx") && !some.repeat("4xx"));
    }
}
