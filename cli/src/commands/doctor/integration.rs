//! One integration, from its secret to the messaging service.

use super::clock::Deviation;
use super::credentials::Credentials;
use super::deployed::Deployed;
use super::report::{Check, Finding};
use super::routes::Routes;
use super::{callers, messaging_service, platform, webhook};
use crate::aws_error::AwsError;
use crate::failure::Failure;
use crate::integrations;
use crate::stack::Stack;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use shared::integration::{DEFAULT_TIME_TO_LIVE, Integration, IntegrationName, SETTLING_TIME};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What all checks of integrations need.
#[derive(Debug)]
pub(super) struct Examination<'e> {
    pub(super) stack: &'e Stack,
    pub(super) aws: &'e SdkConfig,
    pub(super) http: &'e reqwest::Client,
    pub(super) deployed: &'e Deployed,
    pub(super) routes: &'e Routes,
    pub(super) clock: Option<Deviation>,
    pub(super) skip_delivery: bool,
    /// The platforms for which a forged signature has been tried.
    pub(super) forged: Mutex<HashSet<&'static str>>,
    /// What the callers of the integrations prove themselves by.
    pub(super) credentials: Credentials,
}

/// One integration with its configuration.
#[derive(Debug)]
pub(super) struct Subject<'e> {
    pub(super) examination: &'e Examination<'e>,
    pub(super) integration: Integration,
    /// The secret's name.
    pub(super) secret: String,
    /// How long ago it was written.
    pub(super) age: Duration,
    /// How long after that it is in use everywhere.
    pub(super) propagation: Duration,
}

impl Examination<'_> {
    /// Whether a forged signature is yet to be tried for this platform; only the first who asks is told so. The webhooks of
    /// a platform are all checked by the same code, and each forged one counts towards the alarm SignaturesRefused.
    pub(super) fn is_first_to_forge(&self, platform: &'static str) -> bool {
        self.forged.lock().unwrap_or_else(PoisonError::into_inner).insert(platform)
    }

    /// The names of all integrations.
    pub(super) async fn all(&self) -> Result<Vec<IntegrationName>, Finding> {
        let Some(prefix) = self.deployed.output("SecretPrefix") else {
            return Err(Finding::skipped("because the stack has no output SecretPrefix"));
        };
        let listed = integrations::list(&Client::new(self.aws), prefix).await;
        listed.map(integrations::in_use).map_err(|error| {
            Finding::of(AwsError::of("secretsmanager:ListSecrets", &error), "the list of secrets", "see what AWS says")
        })
    }

    /// Examines one.
    pub(super) async fn examine(&self, name: &IntegrationName) -> Result<Vec<Check>, Failure> {
        let group = format!("integration {name}");
        let about = |checks: Vec<(String, Finding)>| -> Vec<Check> {
            checks.into_iter().map(|(check, finding)| finding.about(&group, &check)).collect()
        };
        let configuration = |finding: Finding| ("configuration".to_owned(), finding);
        let subject = match self.read(name).await {
            Ok(subject) => subject,
            Err(finding) => return Ok(about(vec![configuration(finding)])),
        };
        self.credentials.note(&subject.integration);
        let kind = subject.integration.platform.name().as_str();
        let mut checks = vec![configuration(Finding::ok(format!("complete, for {kind}")))];
        let (platform, webhook, callers, delivery) = tokio::join!(
            platform::examine(&subject),
            webhook::examine(&subject),
            callers::examine(&subject),
            messaging_service::examine(&subject)
        );
        checks.extend(platform?);
        checks.push(("webhook".to_owned(), webhook));
        checks.extend(callers);
        checks.push(("messaging service".to_owned(), delivery));
        Ok(about(checks))
    }

    async fn read(&self, name: &IntegrationName) -> Result<Subject<'_>, Finding> {
        let Some(prefix) = self.deployed.output("SecretPrefix") else {
            return Err(Finding::skipped("because the stack has no output SecretPrefix"));
        };
        let secret = format!("{prefix}/{name}");
        let answer = Client::new(self.aws).get_secret_value().secret_id(&secret).send().await.map_err(|error| {
            match AwsError::of("secretsmanager:GetSecretValue", &error) {
                // A secret that is marked for deletion answers "invalid request".
                AwsError::Refused(code, _)
                    if matches!(code.as_str(), "ResourceNotFoundException" | "InvalidRequestException") =>
                {
                    Finding::fault(
                        format!("there is no secret {secret}, or it is being deleted"),
                        "`patchbay integration list` shows the integrations that there are, and `patchbay integration \
                         add NAME` makes one",
                    )
                }
                other => Finding::of(other, "the secret", "see what Secrets Manager says"),
            }
        })?;
        let changed = answer.created_date().and_then(integrations::time).unwrap_or(Timestamp::UNIX_EPOCH);
        let now = Timestamp::now() - self.clock.map(Deviation::ahead).unwrap_or_default();
        let age = now.duration_since(changed).try_into().unwrap_or_default();
        let document = answer.secret_string().unwrap_or_default();
        let integration = Integration::parse(name.clone(), document).map_err(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Finding::fault(faults.join("; "), format!("correct this in the secret {secret}"))
        })?;
        let integration = Integration { version: answer.version_id().map(str::to_owned), ..integration };
        let cache = self.stack.configuration_cache().await.unwrap_or(DEFAULT_TIME_TO_LIVE);
        Ok(Subject { examination: self, integration, secret, age, propagation: cache + SETTLING_TIME })
    }
}
