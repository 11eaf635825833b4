//! Telegram's side of an integration: the bot's token and its webhook.

use super::report::{Finding, pluralize};
use crate::api::channel::telegram::{Telegram, display_name};
use crate::ui::output::{sanitize, seconds};
use jiff::{SignedDuration, Timestamp};
use shared::channel::telegram::config::Config;
use shared::channel::telegram::setup::{ALLOWED_UPDATES, SetupError, WebhookInfo};
use shared::model::integration_name::IntegrationName;
use url::Url;

/// Telegram keeps its last error, however long ago that was.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// The findings about the token and about the webhook.
pub(super) async fn check(name: &IntegrationName, config: &Config) -> [Finding; 2] {
    let telegram = match Telegram::new(config) {
        Ok(telegram) => telegram,
        Err(failure) => return [(); 2].map(|()| Finding::skipped(format!("because {failure}"))),
    };
    let token = match telegram.identity().await {
        Ok(bot) => Finding::ok(format!("Telegram accepts the token of {}", display_name(&bot))),
        Err(error) => {
            return [classify_error(name, &error), Finding::skipped("because Telegram does not accept the token")];
        }
    };
    let webhook = match telegram.webhook().await {
        Ok(webhook) => classify(name, &webhook, telegram.is_own(&webhook), Timestamp::now()),
        Err(error) => classify_error(name, &error),
    };
    [token, webhook]
}

fn classify_error(name: &IntegrationName, error: &SetupError) -> Finding {
    match error {
        SetupError::Token(_) => Finding::fault(
            error.to_string(),
            format!(
                "store the bot's current token, which BotFather shows: `patchbay integration rotate {name} --secret \
                 bot-token --secret-file FILE`; if a wrong bot's token was stored: `patchbay integration add {name} \
                 --replace --bot-token-file FILE`"
            ),
        ),
        SetupError::RateLimited { .. } => Finding::warning(error.to_string(), "run this again in a minute"),
        SetupError::Refused { .. } | SetupError::Unavailable(_) => Finding::fault(
            sanitize(&error.to_string()),
            format!(
                "check Telegram's status; if the API's address is wrong: `patchbay integration add {name} --replace \
                 --channel-api-url URL`"
            ),
        ),
    }
}

fn classify(name: &IntegrationName, webhook: &WebhookInfo, is_own: bool, now: Timestamp) -> Finding {
    let connect = format!("set it: `patchbay integration add {name}`");
    let Some(url) = &webhook.url else {
        return Finding::fault("the bot has no webhook: what customers write waits for a day", connect);
    };
    if !is_own {
        let place =
            url.parse().map_or_else(|_| "another address".to_owned(), |url: Url| url.origin().ascii_serialization());
        let observed = format!("what customers write is sent to {place}, to another address than the integration's");
        return Finding::fault(observed, connect);
    }
    let is_missing = |kind: &&str| !webhook.allowed_updates.iter().any(|allowed| allowed == kind);
    let missing: Vec<_> = ALLOWED_UPDATES.into_iter().filter(is_missing).collect();
    if !webhook.allowed_updates.is_empty() && !missing.is_empty() {
        return Finding::fault(format!("Telegram does not send {}", missing.join(", ")), connect);
    }
    let waiting = match webhook.pending_updates {
        0 => "nothing waits".to_owned(),
        1 => "1 update waits".to_owned(),
        count => format!("{} wait", pluralize(usize::try_from(count).unwrap_or(usize::MAX), "update")),
    };
    let Some((at, error)) = webhook.last_error_at.zip(webhook.last_error.as_deref()) else {
        return Finding::ok(format!("points to this stack; {waiting}"));
    };
    let observed = format!("{waiting}; Telegram's last error, at {}: {}", seconds(at), sanitize(error));
    let is_recent = now.duration_since(at) <= RECENT;
    match (webhook.pending_updates, is_recent) {
        (0, false) => Finding::ok(format!("points to this stack; {observed}")),
        (0, true) => Finding::warning(observed, see_logs(name)),
        _ if error.contains("401") => Finding::fault(
            observed,
            format!("make Telegram use the stored secret: `patchbay integration add {name}`; what waits follows then"),
        ),
        _ => Finding::fault(observed, format!("{}; what waits follows once it is fixed", see_logs(name))),
    }
}

fn see_logs(name: &IntegrationName) -> String {
    format!("see the check of the channel's address, and the logs: `patchbay logs --integration {name} --since 1h`")
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn found(is_own: bool, change: impl FnOnce(&mut WebhookInfo)) -> (Status, String, String) {
        let mut webhook = WebhookInfo {
            url: Some("https://api.example.com/hidden".to_owned()),
            allowed_updates: ALLOWED_UPDATES.map(str::to_owned).into(),
            ..WebhookInfo::default()
        };
        change(&mut webhook);
        let now = Timestamp::from_second(NOW).unwrap();
        let finding = classify(&"acme".parse().unwrap(), &webhook, is_own, now);
        assert!(!finding.observed.contains("hidden"), "{}", finding.observed);
        (finding.status, finding.observed, finding.advice.unwrap_or_default())
    }

    #[test]
    fn an_own_webhook_is_ok_unless_telegram_cannot_deliver() {
        assert_eq!(Status::Ok, found(true, |_| {}).0);
        assert_eq!(Status::Ok, found(true, |webhook| webhook.allowed_updates.clear()).0);
        let failed = |seconds_ago: i64, pending, error: &str| {
            found(true, |webhook| {
                webhook.pending_updates = pending;
                webhook.last_error_at = Timestamp::from_second(NOW - seconds_ago).ok();
                webhook.last_error = Some(error.to_owned());
            })
        };
        let error = "Wrong response from the webhook: 503 Service Unavailable";
        assert_eq!(Status::Ok, failed(7200, 0, error).0);
        assert_eq!(Status::Warning, failed(60, 0, error).0);
        let (status, observed, advice) = failed(60, 3, error);
        assert_eq!(Status::Fault, status);
        assert_eq!(format!("3 updates wait; Telegram's last error, at 2027-01-15T07:59:00Z: {error}"), observed);
        assert!(advice.contains("patchbay logs"), "{advice}");
        let (_, _, advice) = failed(60, 1, "Wrong response from the webhook: 401 Unauthorized");
        assert!(advice.contains("`patchbay integration add acme`"), "{advice}");
    }

    #[test]
    fn a_webhook_that_is_missing_elsewhere_or_for_less_is_a_fault() {
        for (finding, expected) in [
            (found(true, |webhook| webhook.url = None), "has no webhook"),
            (found(false, |_| {}), "is sent to https://api.example.com, to another address"),
            (
                found(true, |webhook| webhook.allowed_updates = vec!["message".to_owned()]),
                "edited_message, callback_query",
            ),
        ] {
            let (status, observed, advice) = finding;
            assert_eq!(Status::Fault, status);
            assert!(observed.contains(expected), "{observed}");
            assert_eq!("set it: `patchbay integration add acme`", advice);
        }
    }

    #[test]
    fn a_refused_token_is_replaced() {
        let finding = classify_error(&"acme".parse().unwrap(), &SetupError::Token(401));
        assert!(finding.advice.unwrap().contains("--secret bot-token"));
        assert_eq!(
            Status::Warning,
            classify_error(&"acme".parse().unwrap(), &SetupError::RateLimited { seconds: None }).status
        );
    }
}
