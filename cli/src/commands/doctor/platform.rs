//! The platform's side of an integration, as far as it can be checked without side effects.

use super::context::IntegrationContext;
use super::conversations;
use super::genesys_cloud_profiles::{self, ProfileChecks};
use super::highlevel;
use super::report::Finding;
use super::user_lookup;
use crate::api::platform_http;
use crate::api::token_problem::token_problem;
use crate::api::webhook_url::{WebhookTarget, webhook_target};
use crate::error::CliError;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use shared::aws::error_chain;
use shared::integration::CardRoute;
use shared::platform::genesys_cloud::api::{Client, CreateStatus, OpenIntegration};
use shared::platform::genesys_cloud::config::Config;
use shared::platform::{ApiError, PlatformConfig};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(12);

const CREDENTIALS: &str = "platform credentials";
const AUTHORIZATION: &str = "authorization";
const OPEN_INTEGRATION: &str = "open messaging integration";
const CONVERSATIONS: &str = "conversations";

pub(super) async fn check(context: &IntegrationContext<'_>) -> Result<Vec<(String, Finding)>, CliError> {
    match &context.integration.platform {
        PlatformConfig::GenesysCloud(config) => genesys_cloud(context, config).await,
        PlatformConfig::MulticloudCx(config) => Ok(reachable(context, config.api_base_url.url()).await),
        PlatformConfig::HighLevel(config) => {
            let (mut checks, authorization) =
                tokio::join!(reachable(context, config.api_base_url.url()), highlevel::authorization(context, config));
            checks.push((AUTHORIZATION.to_owned(), authorization));
            Ok(checks)
        }
    }
}

async fn genesys_cloud(context: &IntegrationContext<'_>, config: &Config) -> Result<Vec<(String, Finding)>, CliError> {
    let client = Client::new(platform_http()?);
    let deadline = Instant::now() + TIMEOUT;
    let sends_to_users = context.integration.cards == CardRoute::OpenMessaging;
    let skipped = || Finding::skipped("because there is no token");
    let (findings, profiles) = match client.check_credentials(config, deadline).await {
        Err(error) => {
            let findings = [no_token(context, config, &error).await, skipped(), skipped(), skipped()];
            (findings, skipped_profiles("because there is no token"))
        }
        Ok(()) => {
            let deadline = Instant::now() + TIMEOUT;
            let found = client.open_integration(config, &config.integration_id, deadline).await;
            let not_read = skipped_profiles("because the open messaging integration could not be read");
            let (finding, profiles) = match found {
                Ok(Some(found)) => {
                    let name = &context.integration.name;
                    let profiles = ProfileChecks { client: &client, config, name, deadline };
                    (connected(context, config, &found).await, profiles.check(&found).await)
                }
                Ok(None) => {
                    let finding = Finding::fault(
                        format!("the organisation has no open messaging integration {}", config.integration_id),
                        format!(
                            "connect it again: `patchbay integration add {0}` takes the integration whose webhooks lead here, or \
                             creates one; another: `patchbay integration add {0} --replace --integration-id ID`",
                            context.integration.name
                        ),
                    );
                    (finding, not_read)
                }
                Err(error) => (classify_error(&error), not_read),
            };
            let users = match sends_to_users {
                true => {
                    let name = &context.integration.name;
                    user_lookup::check(&client, config, name, Instant::now() + TIMEOUT).await
                }
                false => Finding::skipped("because cards go to customers"),
            };
            let conversations =
                conversations::check(&client, config, &context.integration, Instant::now() + TIMEOUT).await;
            ([Finding::ok("Genesys Cloud issues a token"), finding, users, conversations], profiles)
        }
    };
    let checks = [CREDENTIALS, OPEN_INTEGRATION, user_lookup::CHECK, CONVERSATIONS];
    Ok(checks.into_iter().map(str::to_owned).zip(findings).chain(profiles).collect())
}

fn skipped_profiles(because: &str) -> Vec<(String, Finding)> {
    genesys_cloud_profiles::CHECKS.map(|check| (check.to_owned(), Finding::skipped(because))).into()
}

async fn no_token(context: &IntegrationContext<'_>, config: &Config, error: &ApiError) -> Finding {
    let name = &context.integration.name;
    match error {
        ApiError::Credentials(words) => Finding::fault(
            format!("Genesys Cloud refuses the OAuth client's id and secret: status {}", words.status),
            format!(
                "store the secret of the client, whose grant is client credentials: `patchbay integration rotate {name} \
                 --secret client --secret-file FILE`; for another client or organisation: `patchbay integration add \
                 {name} --replace --client-id ID --client-secret-file FILE --domain DOMAIN`",
            ),
        ),
        ApiError::RateLimited { .. } => {
            Finding::warning("Genesys Cloud limits the rate of requests", "run this again in a minute")
        }
        other => Finding::fault(
            format!("Genesys Cloud issues no token: {}", token_problem(config, other).await),
            format!(
                "check the platform's status page; if that is not the organisation's domain: `patchbay integration add \
                 {name} --replace --domain DOMAIN`"
            ),
        ),
    }
}

fn classify_error(error: &ApiError) -> Finding {
    match error {
        ApiError::Refused(words) if words.status == 403 => {
            Finding::skipped("because the OAuth client's role lacks messaging:integration:view")
        }
        ApiError::RateLimited { .. } => {
            Finding::warning("Genesys Cloud limits the rate of requests", "run this again in a minute")
        }
        other => Finding::fault(
            format!("Genesys Cloud does not return it: {other}"),
            "run this again; check the platform's status page",
        ),
    }
}

/// Whether the platform's webhooks are sent to this stack, with a signature that it accepts.
async fn connected(context: &IntegrationContext<'_>, config: &Config, found: &OpenIntegration) -> Finding {
    let name = &context.integration.name;
    let advice = format!("set it in Genesys Cloud: `patchbay integration add {name}`");
    let url = found.outbound_notification_webhook_url.as_deref();
    let is_known_secret = |secret: &SecretString| {
        config.webhook_secrets.iter().any(|known| known.expose_secret() == secret.expose_secret())
    };
    match (found.create_status, webhook_target(context.doctor.stack, name, url).await) {
        (Some(CreateStatus::Error), _) => Finding::fault(
            "Genesys Cloud could not create it",
            format!("delete it in Genesys Cloud, then connect it again: `patchbay integration add {name}`"),
        ),
        (_, WebhookTarget::Other) => {
            Finding::fault(format!("its outbound webhook URL does not end with /integrations/{name}/webhook"), advice)
        }
        _ if found.readable_secret().is_some_and(|secret| !is_known_secret(secret)) => {
            Finding::fault("Genesys Cloud signs its webhooks with a secret that the integration does not have", advice)
        }
        (Some(CreateStatus::Initiated), _) => {
            Finding::warning("Genesys Cloud is still creating it", "run this again in a minute")
        }
        (_, WebhookTarget::Unknown) => Finding::ok("found; Genesys Cloud does not return its webhook URL"),
        (_, WebhookTarget::OtherStack(url)) => Finding::warning(
            format!("its outbound webhook URL is at another API: {}", url.origin().ascii_serialization()),
            "if that is a custom domain of this API, pass it as --api-url",
        ),
        (_, WebhookTarget::ThisStack) => Finding::ok("found; its webhooks are sent to this stack"),
    }
}

/// The other platforms have no call that tests credentials without side effects.
async fn reachable(context: &IntegrationContext<'_>, base: &Url) -> Vec<(String, Finding)> {
    let origin = base.origin().ascii_serialization();
    let mut url = base.clone();
    url.set_path("/");
    url.set_query(None);
    let platform = match platform_http() {
        Err(error) => Finding::skipped(format!("because there is no HTTP client: {error}")),
        Ok(client) => match client.send(client.request(Method::GET, url).timeout(TIMEOUT)).await {
            Ok(response) => Finding::ok(format!("{origin} answers ({})", response.status().as_u16())),
            Err(error) => Finding::fault(
                format!("{origin} cannot be reached: {}", error_chain(&error.without_url())),
                format!(
                    "check the platform's status page; if the address is wrong: `patchbay integration add {} --replace \
                     --api-base-url URL`",
                    context.integration.name
                ),
            ),
        },
    };
    let why = "because the platform has no call that tests them without a side effect";
    vec![("platform".to_owned(), platform), (CREDENTIALS.to_owned(), Finding::skipped(why))]
}
