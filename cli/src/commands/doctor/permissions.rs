//! Whether the functions' roles allow what the functions do.

use super::FUNCTIONS_GROUP;
use super::aws::AwsError;
use super::deployed::Deployed;
use super::functions::{FUNCTIONS, Function};
use super::report::{Check, Finding, Verdict};
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::PolicyEvaluationDecisionType;
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
    let resource = |suffix: &str| match &deployed.resources {
        Ok(resources) => resources.get(&format!("{name}{suffix}")).ok_or_else(|| {
            let advice = "deploy this version's template (`make deploy`)";
            Finding::fault(format!("the stack has no {name}{suffix}"), advice)
        }),
        Err(AwsError::Denied(action)) => Err(Finding::denied(action)),
        Err(_) => Err(Finding::skipped("because the stack's resources could not be listed")),
    };
    let (role, logs) = match (resource("Role"), resource("Logs")) {
        (Ok(role), Ok(logs)) => (role, logs),
        (Err(finding), _) | (_, Err(finding)) => return finding,
    };
    let arn = deployed.arn("iam", &format!("role/{role}"));
    let mut lacks = Vec::new();
    for (actions, resource) in needs(function, deployed, logs) {
        match lacking(client, &arn, actions, &resource).await {
            Ok(lacking) => lacks.extend(lacking.into_iter().map(|action| format!("{action} on {resource}"))),
            Err(error) => return error.finding("the role's policies", "see what IAM says"),
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

/// What the function does, and to what.
fn needs(function: &Function, deployed: &Deployed, logs: &str) -> Vec<(&'static [&'static str], String)> {
    let last = |output: &str| deployed.output(output).and_then(|url| url.rsplit('/').next()).map(str::to_owned);
    let mut needs: Vec<(&'static [&'static str], String)> = vec![(
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        deployed.arn("logs", &format!("log-group:{logs}:log-stream:doctor")),
    )];
    if let Some(prefix) = deployed.output("SecretPrefix") {
        let secret = deployed.arn("secretsmanager", &format!("secret:{prefix}/*"));
        needs.push((&["secretsmanager:GetSecretValue"], secret));
    }
    if let Some(queue) = last("MessageQueueUrl") {
        needs.push((function.on_queue, deployed.arn("sqs", &queue)));
    }
    if let Some(table) = last("LedgerTable") {
        needs.push((function.on_ledger, deployed.arn("dynamodb", &format!("table/{table}"))));
    }
    needs.retain(|(actions, _)| !actions.is_empty());
    needs
}

/// Which of `actions` the role may not do.
async fn lacking(client: &Client, role: &str, actions: &[&str], resource: &str) -> Result<Vec<String>, AwsError> {
    let actions = actions.iter().map(|&action| action.to_owned()).collect();
    let simulated = client.simulate_principal_policy().policy_source_arn(role).set_action_names(Some(actions));
    let answer = simulated.resource_arns(resource).send().await.map_err(|error| AwsError::of(ACTION, &error))?;
    let refused = answer
        .evaluation_results()
        .iter()
        .filter(|result| *result.eval_decision() != PolicyEvaluationDecisionType::Allowed);
    Ok(refused.map(|result| result.eval_action_name().to_owned()).collect())
}
