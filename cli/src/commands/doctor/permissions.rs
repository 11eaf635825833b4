//! Whether the functions' roles allow what the functions do.

use super::deployed::Deployed;
use super::functions::{FUNCTIONS, Function, Resource};
use super::report::{Check, FUNCTIONS_GROUP, Finding, Verdict};
use crate::aws_error::AwsError;
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures::future::join_all;
use std::collections::HashSet;

const ACTION: &str = "iam:SimulatePrincipalPolicy";

/// The checks, and the functions that lack something.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    pub(super) checks: Vec<Check>,
    pub(super) lacking: HashSet<&'static str>,
}

/// Asks IAM about every function's role.
pub(super) async fn examine(deployed: &Deployed, aws: &SdkConfig) -> Permissions {
    let client = Client::new(aws);
    let findings = join_all(FUNCTIONS.iter().map(|function| examine_function(function, deployed, &client))).await;
    let mut permissions = Permissions::default();
    for (function, finding) in FUNCTIONS.iter().zip(findings) {
        if finding.verdict == Verdict::Fault {
            permissions.lacking.insert(function.name);
        }
        permissions.checks.push(finding.about(FUNCTIONS_GROUP, &format!("{}'s permissions", function.name)));
    }
    permissions
}

async fn examine_function(function: &Function, deployed: &Deployed, client: &Client) -> Finding {
    let name = function.name;
    let needed = |suffix: &str| deployed.needed(&format!("{name}{suffix}"));
    let (role, logs) = match (needed("Role"), needed("Logs")) {
        (Ok(role), Ok(logs)) => (role, logs),
        (Err(finding), _) | (_, Err(finding)) => return finding,
    };
    let arn = deployed.arn("iam", &format!("role/{role}"));
    let mut lacks = Vec::new();
    let needs = function.needs().into_iter();
    for (resource, actions) in needs.filter_map(|(on, actions)| Some((arn_of(on, deployed, logs)?, actions))) {
        match lacking(client, &arn, actions, &resource, function).await {
            Ok(lacking) => lacks.extend(lacking.into_iter().map(|action| format!("{action} on {resource}"))),
            Err(error) => return Finding::of(error, "the role's policies", "see what IAM says"),
        }
    }
    match lacks.as_slice() {
        [] => Finding::ok("all that it needs"),
        _ => Finding::fault(
            format!("{name} lacks {}", lacks.join(", ")),
            format!(
                "give the role {role} its policy back by deploying the template again (`make deploy`); if a permissions \
                 boundary or an organisation's policy denies it, have it allowed there"
            ),
        ),
    }
}

/// The ARN of what the function does something on; none where the stack does not have it, or does not name it.
fn arn_of(resource: Resource, deployed: &Deployed, logs: &str) -> Option<String> {
    let last = |output: &str| deployed.output(output).and_then(|url| url.rsplit('/').next());
    match resource {
        Resource::Logs => Some(deployed.arn("logs", &format!("log-group:{logs}:log-stream:doctor"))),
        Resource::Secrets => {
            deployed.output("SecretPrefix").map(|prefix| deployed.arn("secretsmanager", &format!("secret:{prefix}/*")))
        }
        Resource::Queue => last("MessageQueueUrl").map(|queue| deployed.arn("sqs", queue)),
        Resource::Parking if !deployed.keeps_failed => None,
        Resource::Parking => last("ParkingQueueUrl").map(|queue| deployed.arn("sqs", queue)),
        Resource::Ledger => last("LedgerTable").map(|table| deployed.arn("dynamodb", &format!("table/{table}"))),
        Resource::Key => deployed.kms_key.clone(),
    }
}

/// Which of `actions` the role may not do.
async fn lacking(
    client: &Client,
    role: &str,
    actions: &[&str],
    resource: &str,
    function: &Function,
) -> Result<Vec<String>, AwsError> {
    let actions = actions.iter().map(|&action| action.to_owned()).collect();
    let simulated = client.simulate_principal_policy().policy_source_arn(role).set_action_names(Some(actions));
    // The ledger's table is the one resource whose keys matter.
    let keys = Some(function.ledger_keys()).filter(|keys| !keys.is_empty()).map(|keys| {
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
