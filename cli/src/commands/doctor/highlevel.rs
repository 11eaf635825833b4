//! The authorization of HighLevel integrations.

use super::context::IntegrationContext;
use super::report::Finding;
use crate::aws::authorization::AuthorizationSecret;
use crate::aws::error::AwsError;
use jiff::{SignedDuration, Timestamp};
use shared::authorization::Authorization;
use shared::platform::highlevel::config::{Config, Credentials};

/// A refresh token that ends sooner is not used: nothing renews the tokens.
const ENDING: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) async fn authorization(context: &IntegrationContext<'_>, config: &Config) -> Finding {
    let name = &context.integration.name;
    if let Credentials::Token(_) = config.credentials {
        return Finding::warning(
            "the integration has a static token; in public reports, HighLevel refuses these for conversation providers",
            format!(
                "use a marketplace app: `patchbay integration add {name} --replace --client-id ID --client-secret-file \
                 FILE`, then `patchbay integration authorize {name}`"
            ),
        );
    }
    let Some(prefix) = context.doctor.deployed.output("SecretPrefix") else {
        return Finding::skipped("because the stack has no output SecretPrefix");
    };
    let secret = AuthorizationSecret::new(context.doctor.aws, prefix, name);
    let advice = format!("run `patchbay integration authorize {name}`");
    match secret.get().await {
        Err(error) => Finding::from_aws_error(
            AwsError::of("secretsmanager:GetSecretValue", &error),
            "the secret with the tokens",
            "see what Secrets Manager says",
        ),
        Ok(None) => Finding::fault("the app was not authorized yet", advice),
        Ok(Some(authorization)) => classify(&authorization, config, Timestamp::now(), advice),
    }
}

fn classify(authorization: &Authorization, config: &Config, now: Timestamp, advice: String) -> Finding {
    let text = |time: Option<Timestamp>| time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string());
    if let Some(at) = authorization.withdrawn_at() {
        return Finding::fault(format!("the app was uninstalled at {at}"), advice);
    }
    if authorization.location_id().is_some_and(|id| id != config.location_id) {
        return Finding::fault("the app was authorized for another location than /locationId", advice);
    }
    let Some(end) = authorization.refresh_token_ends_at().filter(|_| authorization.refresh_token().is_some()) else {
        return Finding::fault("there is no refresh token", advice);
    };
    if end <= now {
        return Finding::fault(format!("the refresh token ended at {end}"), advice);
    }
    let expires = authorization.expires_at();
    let state = if expires.is_some_and(|expires| now < expires) { "expires" } else { "expired" };
    let observed = format!(
        "authorized at {}; the access token {state} at {}, and the refresh token ends at {end} unless it is used",
        text(authorization.authorized_at()),
        text(expires)
    );
    match end.duration_since(now) < ENDING {
        true => Finding::warning(observed, advice),
        false => Finding::ok(observed),
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
        let at = |time: &str| {
            let tokens = json!({
                "accessToken": "hidden", "refreshToken": "hidden", "locationId": "l", "expiresAt": "2026-01-02T00:00:00Z",
                "issuedAt": "2026-01-01T00:00:00Z", "authorizedAt": "2025-12-01T00:00:00Z",
            });
            (tokens, time.parse::<Timestamp>().unwrap())
        };
        let finding = |change: &dyn Fn(&mut serde_json::Value), time: &str| {
            let (mut tokens, now) = at(time);
            change(&mut tokens);
            let authorization = Authorization::parse(&tokens.to_string()).unwrap();
            format!("{:?}", classify(&authorization, config, now, "do".to_owned()))
        };
        let soon = "2026-01-01T12:00:00Z";
        let of = |finding: &str, status: &str, words: &str| {
            assert!(finding.contains(status) && finding.contains(words), "{finding}");
            assert!(!finding.contains("hidden"), "{finding}");
        };
        of(&finding(&|_| {}, soon), "Ok", "the access token expires at 2026-01-02");
        of(&finding(&|_| {}, "2026-02-01T00:00:00Z"), "Ok", "the access token expired at 2026-01-02");
        of(&finding(&|_| {}, "2026-12-15T00:00:00Z"), "Warning", "the refresh token ends at 2027-01-01");
        of(&finding(&|_| {}, "2027-01-02T00:00:00Z"), "Fault", "the refresh token ended at 2027-01-01");
        of(&finding(&|tokens| tokens["withdrawnAt"] = soon.into(), soon), "Fault", "uninstalled at 2026-01-01");
        of(&finding(&|tokens| tokens["locationId"] = "m".into(), soon), "Fault", "another location");
        of(&finding(&|tokens| tokens["refreshToken"] = json!(null), soon), "Fault", "no refresh token");
    }
}
