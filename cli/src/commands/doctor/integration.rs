//! Checks one integration, from its secret to the messaging service or the channel.

use super::context::{DoctorContext, IntegrationContext};
use super::report::Finding;
use super::reporter::Group;
use super::{callers, channel, circuits, messaging_service, platform, webhook};
use crate::aws::clock::ClockSkew;
use crate::aws::error::AwsError;
use crate::aws::integrations;
use crate::aws::outputs;
use crate::error::CliError;
use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use shared::integration::{DEFAULT_TIME_TO_LIVE, Destination, Integration, SETTLING_TIME};
use shared::model::integration_name::IntegrationName;

pub(super) async fn all(doctor: &DoctorContext<'_>) -> Result<Vec<IntegrationName>, Finding> {
    let Some(prefix) = doctor.deployed.output(outputs::SECRET_PREFIX) else {
        return Err(Finding::skipped("because the stack has no output SecretPrefix"));
    };
    let listed = integrations::list(&Client::new(doctor.aws), prefix).await;
    listed.map(integrations::active_names).map_err(|error| {
        Finding::from_aws_error(
            AwsError::of("secretsmanager:ListSecrets", &error),
            "the list of secrets",
            "see what AWS says",
        )
    })
}

pub(super) async fn check(doctor: &DoctorContext<'_>, name: &IntegrationName, group: Group) -> Result<(), CliError> {
    let context = match read(doctor, name).await {
        Ok(context) => context,
        Err(finding) => {
            group.report("configuration", finding);
            return Ok(());
        }
    };
    doctor.credential_reuse.add(&context.integration);
    let platform = context.integration.platform.name().as_str();
    let channel = context.integration.destination.channel().map(|channel| format!(" and {}", channel.name().as_str()));
    let channel = channel.unwrap_or_default();
    group.report("configuration", Finding::ok(format!("complete, for {platform}{channel}")));
    let (platform, ..) = tokio::join!(
        async { platform::check(&context).await.map(|findings| group.report_all(findings)) },
        async { group.report("webhook", webhook::check(&context).await) },
        async { group.report_all(callers::check(&context).await) },
        async { destination(&context, &group).await },
        async { group.report_all(circuits::check(&context).await) }
    );
    platform
}

async fn destination(context: &IntegrationContext<'_>, group: &Group) {
    match &context.integration.destination {
        Destination::MessagingService(delivery) => {
            group.report("messaging service", messaging_service::check(context, delivery).await);
        }
        Destination::Channel(destination) => group.report_all(channel::check(context, &destination.config).await),
    }
}

async fn read<'e>(doctor: &'e DoctorContext<'e>, name: &IntegrationName) -> Result<IntegrationContext<'e>, Finding> {
    let Some(prefix) = doctor.deployed.output(outputs::SECRET_PREFIX) else {
        return Err(Finding::skipped("because the stack has no output SecretPrefix"));
    };
    let secret = format!("{prefix}/{name}");
    let answer = Client::new(doctor.aws).get_secret_value().secret_id(&secret).send().await.map_err(|error| {
        match AwsError::of("secretsmanager:GetSecretValue", &error) {
            // Secrets Manager answers so for a secret that is scheduled for deletion.
            AwsError::Refused(code, _)
                if matches!(code.as_str(), "ResourceNotFoundException" | "InvalidRequestException") =>
            {
                Finding::fault(
                    format!("there is no secret {secret}, or it is scheduled for deletion"),
                    format!("list those there are: `patchbay integration list`; connect it: `patchbay integration add {name}`"),
                )
            }
            other => Finding::from_aws_error(other, "the secret", "see what Secrets Manager says"),
        }
    })?;
    let changed = answer.created_date().and_then(integrations::timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
    let now = Timestamp::now() - doctor.clock.map(ClockSkew::ahead).unwrap_or_default();
    let age = now.duration_since(changed).try_into().unwrap_or_default();
    let document = answer.secret_string().unwrap_or_default();
    let integration = Integration::parse(name.clone(), document).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let (read, write) = ("get-secret-value --query SecretString --output text", "put-secret-value --secret-string");
        let advice = format!(
            "correct it in a file: `aws secretsmanager {read} --secret-id {secret} > {name}.json`, then `aws secretsmanager \
             {write} file://{name}.json --secret-id {secret}`, and delete the file"
        );
        Finding::fault(faults.join("; "), advice)
    })?;
    let integration = Integration { version: answer.version_id().map(str::to_owned), ..integration };
    let cache = doctor.stack.configuration_cache().await.unwrap_or(DEFAULT_TIME_TO_LIVE);
    Ok(IntegrationContext { doctor, integration, age, propagation: cache + SETTLING_TIME })
}
