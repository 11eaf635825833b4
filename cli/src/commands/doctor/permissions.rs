//! Whether the functions' roles grant the permissions that the functions need, by IAM's policy simulator.

use super::functions::{Function, Requirement, Resource, functions};
use super::report::{Finding, Status};
use super::reporter::Group;
use super::stack::DeployedStack;
use crate::aws::error::AwsError;
use crate::aws::outputs;
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures::future::join_all;
use std::collections::HashSet;

const ACTION: &str = "iam:SimulatePrincipalPolicy";

#[derive(Debug, Default)]
pub(super) struct Permissions {
    pub(super) lacking_functions: HashSet<&'static str>,
}

pub(super) async fn check(deployed: &DeployedStack, aws: &SdkConfig, group: &Group) -> Permissions {
    let client = &Client::new(aws);
    let checks = functions(deployed.receives_events()).map(|function| async move {
        let finding = check_function(function, deployed, client).await;
        let lacks = (finding.status == Status::Fault).then_some(function.name);
        group.report(&format!("{}'s permissions", function.name), finding);
        lacks
    });
    Permissions { lacking_functions: join_all(checks).await.into_iter().flatten().collect() }
}

async fn check_function(function: &Function, deployed: &DeployedStack, client: &Client) -> Finding {
    let name = function.name;
    let required_resource = |suffix: &str| deployed.required_resource(&format!("{name}{suffix}"));
    let (role, logs) = match (required_resource("Role"), required_resource("Logs")) {
        (Ok(role), Ok(logs)) => (role, logs),
        (Err(finding), _) | (_, Err(finding)) => return finding,
    };
    let path = deployed.parameter("RolePath").unwrap_or("/");
    let arn = deployed.arn("iam", &format!("role{path}{role}"));
    let mut lacks = Vec::new();
    let required = function.requirements(deployed.receives_events()).into_iter();
    for (resource, required) in required.filter_map(|one| Some((arn_of(one.on, deployed, logs)?, one))) {
        match denied_actions(client, &arn, &resource, required).await {
            Ok(denied) => lacks.extend(denied.into_iter().map(|action| format!("{action} on {resource}"))),
            Err(error) => return Finding::from_aws_error(error, "the role's policies", "see what IAM says"),
        }
    }
    match lacks.as_slice() {
        [] => Finding::ok("all granted"),
        _ => Finding::fault(
            format!("{name} lacks {}", lacks.join(", ")),
            format!(
                "restore the policy of the role {role} by deploying the template again (`make deploy`); if a \
                 permissions boundary or an organisation's policy denies it, allow it there"
            ),
        ),
    }
}

/// The ARN of a resource; `None` if the stack does not have it, or lacks the output with its name.
fn arn_of(resource: Resource, deployed: &DeployedStack, logs: &str) -> Option<String> {
    let last = |output: &str| deployed.output(output).and_then(|url| url.rsplit('/').next());
    match resource {
        Resource::Logs => Some(deployed.arn("logs", &format!("log-group:{logs}:log-stream:doctor"))),
        Resource::Secrets => deployed
            .output(outputs::SECRET_PREFIX)
            .map(|prefix| deployed.arn("secretsmanager", &format!("secret:{prefix}/*"))),
        Resource::Tokens => deployed
            .output(outputs::SECRET_PREFIX)
            .map(|prefix| deployed.arn("secretsmanager", &format!("secret:{prefix}/doctor/oauth-doctor"))),
        Resource::Queue => last(outputs::MESSAGE_QUEUE_URL).map(|queue| deployed.arn("sqs", queue)),
        Resource::RetryQueue => last(outputs::RETRY_QUEUE_URL).map(|queue| deployed.arn("sqs", queue)),
        Resource::ParkingQueue if !deployed.keeps_failed_messages => None,
        Resource::EventQueue => last(outputs::EVENT_QUEUE_URL).map(|queue| deployed.arn("sqs", queue)),
        Resource::EventDeadLetters => {
            last(outputs::EVENT_DEAD_LETTER_QUEUE_URL).map(|queue| deployed.arn("sqs", queue))
        }
        Resource::ParkingQueue => last(outputs::PARKING_QUEUE_URL).map(|queue| deployed.arn("sqs", queue)),
        Resource::Ledger => {
            last(outputs::LEDGER_TABLE).map(|table| deployed.arn("dynamodb", &format!("table/{table}")))
        }
        Resource::Key => deployed.kms_key.clone(),
    }
}

/// Which of `actions` the role does not grant.
async fn denied_actions(
    client: &Client,
    role: &str,
    resource: &str,
    required: Requirement,
) -> Result<Vec<String>, AwsError> {
    let actions = required.actions.iter().map(|&action| action.to_owned()).collect();
    let simulated = client.simulate_principal_policy().policy_source_arn(role).set_action_names(Some(actions));
    // Only the ledger's table has permissions by key.
    let keys = Some(required.ledger_keys()).filter(|keys| !keys.is_empty()).map(|keys| {
        let entry = ContextEntry::builder().context_key_name("dynamodb:LeadingKeys");
        let entry = entry.context_key_type(ContextKeyTypeEnum::StringList).set_context_key_values(Some(keys));
        vec![entry.build()]
    });
    let simulated = simulated.set_context_entries(keys);
    let answer = simulated.resource_arns(resource).send().await.map_err(|error| AwsError::of(ACTION, &error))?;
    let refused = answer
        .evaluation_results()
        .iter()
        .filter(|result| *result.eval_decision() != PolicyEvaluationDecisionType::Allowed);
    Ok(refused.map(|result| result.eval_action_name().to_owned()).collect())
}
