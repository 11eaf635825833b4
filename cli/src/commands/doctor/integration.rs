//! One integration, from its secret to the messaging service.

use super::context::{Examination, Subject};
use super::report::{Check, Finding};
use super::{callers, messaging_service, platform, webhook};
use crate::aws_error::AwsError;
use crate::clock::Deviation;
use crate::failure::Failure;
use crate::integrations;
use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use shared::integration::{DEFAULT_TIME_TO_LIVE, Integration, SETTLING_TIME};
use shared::model::integration_name::IntegrationName;

/// The names of all integrations.
pub(super) async fn all(examination: &Examination<'_>) -> Result<Vec<IntegrationName>, Finding> {
    let Some(prefix) = examination.deployed.output("SecretPrefix") else {
        return Err(Finding::skipped("because the stack has no output SecretPrefix"));
    };
    let listed = integrations::list(&Client::new(examination.aws), prefix).await;
    listed.map(integrations::in_use).map_err(|error| {
        Finding::of(AwsError::of("secretsmanager:ListSecrets", &error), "the list of secrets", "see what AWS says")
    })
}

/// Examines one.
pub(super) async fn examine(examination: &Examination<'_>, name: &IntegrationName) -> Result<Vec<Check>, Failure> {
    let group = format!("integration {name}");
    let about = |checks: Vec<(String, Finding)>| -> Vec<Check> {
        checks.into_iter().map(|(check, finding)| finding.about(&group, &check)).collect()
    };
    let configuration = |finding: Finding| ("configuration".to_owned(), finding);
    let subject = match read(examination, name).await {
        Ok(subject) => subject,
        Err(finding) => return Ok(about(vec![configuration(finding)])),
    };
    examination.credentials.note(&subject.integration);
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

async fn read<'e>(examination: &'e Examination<'e>, name: &IntegrationName) -> Result<Subject<'e>, Finding> {
    let Some(prefix) = examination.deployed.output("SecretPrefix") else {
        return Err(Finding::skipped("because the stack has no output SecretPrefix"));
    };
    let secret = format!("{prefix}/{name}");
    let answer = Client::new(examination.aws).get_secret_value().secret_id(&secret).send().await.map_err(|error| {
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
    let now = Timestamp::now() - examination.clock.map(Deviation::ahead).unwrap_or_default();
    let age = now.duration_since(changed).try_into().unwrap_or_default();
    let document = answer.secret_string().unwrap_or_default();
    let integration = Integration::parse(name.clone(), document).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Finding::fault(faults.join("; "), format!("correct this in the secret {secret}"))
    })?;
    let integration = Integration { version: answer.version_id().map(str::to_owned), ..integration };
    let cache = examination.stack.configuration_cache().await.unwrap_or(DEFAULT_TIME_TO_LIVE);
    Ok(Subject { examination, integration, secret, age, propagation: cache + SETTLING_TIME })
}
