//! The functions' log groups.

use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_cloudformation::types::StackResourceSummary;

const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const FUNCTION: &str = "AWS::Lambda::Function";
/// The access log of the API, among the functions' names, and its log group in the template.
pub(crate) const ACCESS_LOG: &str = "api-access";
const ACCESS_LOG_GROUP: &str = "ApiAccessLogs";
/// In the template a function's log group is named after the function, with this suffix.
const LOGS: &str = "Logs";

/// The stack's functions, each with its log group.
pub(crate) async fn log_groups(stack: &Stack) -> Result<Vec<(String, String)>, CliError> {
    Ok(function_log_groups(&stack.resources().await?))
}

/// The same, and the API's access log.
pub(crate) async fn all_log_groups(stack: &Stack) -> Result<Vec<(String, String)>, CliError> {
    let resources = stack.resources().await?;
    let access_log = resources.iter().find(|resource| resource.logical_resource_id() == Some(ACCESS_LOG_GROUP));
    let access_log =
        access_log.and_then(|group| Some((ACCESS_LOG.to_owned(), group.physical_resource_id()?.to_owned())));
    Ok(function_log_groups(&resources).into_iter().chain(access_log).collect())
}

/// The command that shows what a function has just logged; the function by its name in the template.
pub(crate) fn recent_logs(function: &str) -> String {
    format!("patchbay logs --function {} --since 10m", kebab_case(function))
}

fn function_log_groups(resources: &[StackResourceSummary]) -> Vec<(String, String)> {
    let of_type = |resource_type: &'static str| {
        resources.iter().filter(move |resource| resource.resource_type() == Some(resource_type))
    };
    let is_function = |name: &str| of_type(FUNCTION).any(|function| function.logical_resource_id() == Some(name));
    of_type(LOG_GROUP)
        .filter_map(|group| {
            let function = group.logical_resource_id()?.strip_suffix(LOGS).filter(|name| is_function(name))?;
            Some((kebab_case(function), group.physical_resource_id()?.to_owned()))
        })
        .collect()
}

/// The function's name outside the template: `WebhookReceiver` is `webhook-receiver`.
fn kebab_case(name: &str) -> String {
    let mut kebab = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(character.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(resource_type: &str, logical: &str, physical: &str) -> StackResourceSummary {
        let summary = StackResourceSummary::builder().resource_type(resource_type).logical_resource_id(logical);
        summary.physical_resource_id(physical).build()
    }

    #[test]
    fn only_log_groups_of_functions_are_listed() {
        let resources = [
            resource(LOG_GROUP, "WebhookReceiverLogs", "group-1"),
            resource(LOG_GROUP, "AccessLogs", "group-2"),
            resource(FUNCTION, "WebhookReceiver", "function-1"),
            resource("AWS::IAM::Role", "AccessRole", "role"),
        ];
        assert_eq!(vec![("webhook-receiver".to_owned(), "group-1".to_owned())], function_log_groups(&resources));
    }
}
