//! The platform's side of an integration, as far as it can be looked at without an effect.

use super::context::Subject;
use super::report::Finding;
use crate::failure::Failure;
use crate::webhook_address::{Leads, leads};
use secrecy::ExposeSecret;
use shared::aws::error_chain;
use shared::integration::Secret;
use shared::platform::genesys_cloud::api::{Client, CreateStatus, OpenIntegration};
use shared::platform::genesys_cloud::config::Config;
use shared::platform::{ApiError, PlatformConfig};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long the platform is asked.
const PATIENCE: Duration = Duration::from_secs(12);

const CREDENTIALS: &str = "platform credentials";
const OPEN_INTEGRATION: &str = "open messaging integration";

/// Asks the platform.
pub(super) async fn examine(subject: &Subject<'_>) -> Result<Vec<(String, Finding)>, Failure> {
    match &subject.integration.platform {
        PlatformConfig::GenesysCloud(config) => genesys_cloud(subject, config).await,
        PlatformConfig::MulticloudCx(config) => Ok(reachable(subject, config.api_base_url.url()).await),
        PlatformConfig::HighLevel(config) => Ok(reachable(subject, config.api_base_url.url()).await),
    }
}

async fn genesys_cloud(subject: &Subject<'_>, config: &Config) -> Result<Vec<(String, Finding)>, Failure> {
    let client = Client::new().map_err(|error| Failure::Failed(format!("no HTTP client: {error}")))?;
    let deadline = Instant::now() + PATIENCE;
    let (credentials, open_integration) = match client.check_credentials(config, deadline).await {
        Err(error) => {
            let because = "because there is no token for it";
            (refused_token(subject, &error), Finding::skipped(because))
        }
        Ok(()) => {
            let asked = client.open_integration(config, &config.integration_id, Instant::now() + PATIENCE).await;
            let finding = match asked {
                Ok(Some(found)) => connected(subject, config, &found).await,
                Ok(None) => Finding::fault(
                    "the organisation has no open messaging integration with the id in /integrationId",
                    format!("connect it anew: `patchbay integration add {}`", subject.integration.name),
                ),
                Err(error) => not_told(&error),
            };
            (Finding::ok("Genesys Cloud gives a token for them"), finding)
        }
    };
    Ok(vec![(CREDENTIALS.to_owned(), credentials), (OPEN_INTEGRATION.to_owned(), open_integration)])
}

fn refused_token(subject: &Subject<'_>, error: &ApiError) -> Finding {
    match error {
        ApiError::Credentials(words) => Finding::fault(
            format!("Genesys Cloud refuses clientId and clientSecret: status {}", words.status),
            format!(
                "put the id and the secret of an OAuth client (client credentials) of this organisation into the secret \
                 {}, as /clientId and /clientSecret; see /domain too",
                subject.secret
            ),
        ),
        ApiError::RateLimited { .. } => {
            Finding::warning("Genesys Cloud wants fewer requests", "run this again in a minute")
        }
        other => Finding::fault(
            format!("Genesys Cloud gives no token: {other}"),
            "see the platform's status page, and whether /domain is the organisation's",
        ),
    }
}

/// Why nothing is known of the integration on the platform.
fn not_told(error: &ApiError) -> Finding {
    match error {
        ApiError::Refused(words) if words.status == 403 => {
            Finding::skipped("because the OAuth client's role lacks messaging:integration:view")
        }
        ApiError::RateLimited { .. } => {
            Finding::warning("Genesys Cloud wants fewer requests", "run this again in a minute")
        }
        other => Finding::fault(
            format!("Genesys Cloud does not tell: {other}"),
            "run this again; see the platform's status page",
        ),
    }
}

/// Whether the platform's webhooks come to us, with a signature that we take.
async fn connected(subject: &Subject<'_>, config: &Config, found: &OpenIntegration) -> Finding {
    let name = &subject.integration.name;
    let anew = format!("set it with `patchbay integration add {name}`, or in Genesys Cloud");
    let told = found.outbound_notification_webhook_url.as_deref();
    let secret_is_ours =
        |secret: &Secret| config.webhook_secrets.iter().any(|known| known.expose_secret() == secret.expose_secret());
    match (found.create_status, leads(subject.examination.stack, name, told).await) {
        (Some(CreateStatus::Error), _) => Finding::fault(
            "Genesys Cloud could not make it",
            format!("delete it in Genesys Cloud, then connect it anew: `patchbay integration add {name}`"),
        ),
        (_, Leads::Elsewhere) => {
            Finding::fault(format!("its outbound webhook URL does not end with /integrations/{name}/webhook"), anew)
        }
        _ if found.shown_secret().is_some_and(|secret| !secret_is_ours(secret)) => {
            Finding::fault("Genesys Cloud signs its webhooks with a secret that is none of /webhookSecrets", anew)
        }
        (Some(CreateStatus::Initiated), _) => {
            Finding::warning("Genesys Cloud is still making it", "run this again in a minute")
        }
        (_, Leads::Untold) => Finding::ok("there; Genesys Cloud does not tell its webhook URL"),
        (_, Leads::ToAnotherApi(url)) => Finding::warning(
            format!("its outbound webhook URL leads to another API: {}", url.origin().ascii_serialization()),
            "all is well if that is a custom domain of this API, which --api-url makes known",
        ),
        (_, Leads::Here) => Finding::ok("there, and its webhooks come here"),
    }
}

/// The platform has no call that would try its credentials without an effect.
async fn reachable(subject: &Subject<'_>, base: &Url) -> Vec<(String, Finding)> {
    let origin = base.origin().ascii_serialization();
    let asked = shared::http_client::client(PATIENCE);
    let platform = match asked {
        Err(error) => Finding::skipped(format!("because there is no HTTP client: {error}")),
        Ok(client) => match client.get(&origin).send().await {
            Ok(response) => Finding::ok(format!("{origin} answers ({})", response.status().as_u16())),
            Err(error) => Finding::fault(
                format!("{origin} is out of reach: {}", error_chain(&error.without_url())),
                format!("see the platform's status page, and /apiBaseUrl in the secret {}", subject.secret),
            ),
        },
    };
    let why = "because the platform has no call that tries them without an effect";
    vec![("platform".to_owned(), platform), (CREDENTIALS.to_owned(), Finding::skipped(why))]
}
