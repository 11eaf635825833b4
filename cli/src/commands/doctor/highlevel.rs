//! The authorization of HighLevel integrations.

use super::context::IntegrationContext;
use super::report::Finding;
use crate::aws::authorization::AuthorizationSecret;
use crate::aws::error::AwsError;
use crate::aws::outputs;
use jiff::Timestamp;
use shared::authorization::{Authorization, REFRESH_TOKEN_WARNING};
use shared::model::integration_name::IntegrationName;
use shared::platform::highlevel::config::{App, Config, Credentials};

pub(super) async fn authorization(context: &IntegrationContext<'_>, config: &Config) -> Finding {
    let name = &context.integration.name;
    let Credentials::App(app) = &config.credentials else {
        return Finding::warning(
            "the integration has a static token; in public reports, HighLevel refuses these for conversation providers",
            format!(
                "use a marketplace app: `patchbay integration add {name} --replace --client-id ID --client-secret-file \
                 FILE`, then `patchbay integration authorize {name}`"
            ),
        );
    };
    let Some(prefix) = context.doctor.deployed.output(outputs::SECRET_PREFIX) else {
        return Finding::skipped("because the stack has no output SecretPrefix");
    };
    let secret = AuthorizationSecret::new(context.doctor.aws, prefix, name);
    let advice = authorize(name);
    match secret.get().await {
        Err(error) => Finding::from_aws_error(
            AwsError::of("secretsmanager:GetSecretValue", &error),
            "the secret with the tokens",
            "see what Secrets Manager says",
        ),
        Ok(None) => Finding::fault("the app was not authorized yet", advice),
        Ok(Some(authorization)) => classify(name, &authorization, config, app, Timestamp::now()),
    }
}

fn authorize(name: &IntegrationName) -> String {
    format!("run `patchbay integration authorize {name}`")
}

fn classify(
    name: &IntegrationName,
    authorization: &Authorization,
    config: &Config,
    app: &App,
    now: Timestamp,
) -> Finding {
    let advice = authorize(name);
    let text = |time: Option<Timestamp>| time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string());
    if let Some(at) = authorization.withdrawn_at() {
        return Finding::fault(format!("the app was uninstalled at {at}"), advice);
    }
    let is_other = |detail: &str, own: &str| authorization.detail(detail).is_some_and(|stored| stored != own);
    if is_other("locationId", &config.location_id) {
        return Finding::fault("the app was authorized for another location than the integration's", advice);
    }
    if is_other("clientId", &app.client_id) {
        return Finding::fault("another app was authorized than the integration's", advice);
    }
    if authorization.refresh_token().is_none() {
        return Finding::fault("there is no refresh token", advice);
    }
    if let Some(at) = authorization.lost_at() {
        return Finding::fault(
            format!("the platform refused to renew the tokens at {at}, and has renewed none since"),
            format!(
                "{advice}; if the client secret has changed, first `patchbay integration rotate {name} --secret client`"
            ),
        );
    }
    let end = authorization.refresh_token_ends_at();
    if let Some(end) = end.filter(|end| *end <= now) {
        return Finding::fault(format!("the refresh token expired at {end}"), advice);
    }
    let expires = authorization.expires_at();
    let has_expired = expires.is_none_or(|expires| expires <= now);
    let observed = format!(
        "authorized at {}; the access token {} at {}, and the refresh token expires at {} unless it is used",
        text(authorization.authorized_at()),
        if has_expired { "expired" } else { "expires" },
        text(expires),
        text(end)
    );
    if end.is_some_and(|end| end.duration_since(now) < REFRESH_TOKEN_WARNING) {
        Finding::warning(observed, advice)
    } else if has_expired {
        Finding::warning(observed, format!("the next message or call renews it; if that fails, {advice}"))
    } else {
        Finding::ok(observed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use serde_json::json;
    use shared::integration::Integration;
    use shared::platform::PlatformConfig;

    #[test]
    fn each_state_of_an_authorization_has_its_finding() {
        let document = json!({
            "platform": "highlevel", "locationId": "l", "clientId": "c", "clientSecret": "s",
            "delivery": {"url": "https://e.com", "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
        });
        let integration = Integration::parse("acme".parse().unwrap(), &document.to_string()).unwrap();
        let PlatformConfig::HighLevel(config) = &integration.platform else { panic!() };
        let Credentials::App(app) = &config.credentials else { panic!() };
        let at = |time: &str| {
            let tokens = json!({
                "accessToken": "hidden", "refreshToken": "hidden", "locationId": "l", "expiresAt": "2026-01-02T00:00:00Z",
                "issuedAt": "2026-01-01T00:00:00Z", "authorizedAt": "2025-12-01T00:00:00Z",
                "refreshTokenEndsAt": "2027-01-01T00:00:00Z", "clientId": "c",
            });
            (tokens, time.parse::<Timestamp>().unwrap())
        };
        let finding = |change: &dyn Fn(&mut serde_json::Value), time: &str| {
            let (mut tokens, now) = at(time);
            change(&mut tokens);
            let authorization = Authorization::parse(&tokens.to_string()).unwrap();
            format!("{:?}", classify(&"acme".parse().unwrap(), &authorization, config, app, now))
        };
        let soon = "2026-01-01T12:00:00Z";
        let of = |finding: &str, status: &str, words: &str| {
            assert!(finding.contains(status) && finding.contains(words), "{finding}");
            assert!(!finding.contains("hidden"), "{finding}");
        };
        of(&finding(&|_| {}, soon), "Ok", "the access token expires at 2026-01-02");
        of(&finding(&|tokens| tokens["refreshTokenEndsAt"] = json!(null), soon), "Ok", "expires at an unknown time");
        of(&finding(&|_| {}, "2026-02-01T00:00:00Z"), "Warning", "the access token expired at 2026-01-02");
        of(
            &finding(&|tokens| tokens["lostAt"] = soon.into(), soon),
            "Fault",
            "refused to renew the tokens at 2026-01-01",
        );
        of(&finding(&|tokens| tokens["clientId"] = "other".into(), soon), "Fault", "another app");
        of(&finding(&|_| {}, "2026-12-15T00:00:00Z"), "Warning", "the refresh token expires at 2027-01-01");
        of(&finding(&|_| {}, "2027-01-02T00:00:00Z"), "Fault", "the refresh token expired at 2027-01-01");
        of(&finding(&|tokens| tokens["withdrawnAt"] = soon.into(), soon), "Fault", "uninstalled at 2026-01-01");
        of(&finding(&|tokens| tokens["locationId"] = "m".into(), soon), "Fault", "another location");
        of(&finding(&|tokens| tokens["refreshToken"] = json!(null), soon), "Fault", "no refresh token");
    }
}
