//! Discovers the stack: region, credentials, status and outputs.

use super::region_search;
use super::report::Finding;
use super::reporter::Group;
use super::version;
use crate::aws::clock::{AwsClock, ClockSkew};
use crate::aws::error::{AwsError, Diagnosis, is_missing};
use crate::aws::outputs;
use crate::aws::stack::Stack;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::config::ProvideCredentials;
use aws_sdk_cloudformation::types::Stack as Described;
use aws_sdk_cloudformation::{Client, types::StackStatus};
use jiff::Timestamp;
use std::collections::HashMap;

const KMS_KEY: &str = "KmsKeyArn";
const KEEP_FAILED_MESSAGES: &str = "KeepFailedMessages";

#[derive(Debug)]
pub(super) struct DeployedStack {
    outputs: HashMap<String, String>,
    parameters: HashMap<String, String>,
    /// The ARN of the stack's own KMS key, if it has one.
    pub(super) kms_key: Option<String>,
    pub(super) keeps_failed_messages: bool,
    /// The physical ids of the resources by logical id, or why they could not be listed.
    resources: Result<HashMap<String, String>, AwsError>,
    /// `arn:<partition>`, the region, and the account.
    arn_parts: (String, String, String),
}

#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) clock: Option<ClockSkew>,
    /// Whether AWS has accepted or denied a call, so that something is known of the caller's permissions.
    pub(super) access_evaluated: bool,
    pub(super) deployed: Option<DeployedStack>,
}

impl DeployedStack {
    pub(super) fn output(&self, key: &str) -> Option<&str> {
        self.outputs.get(key).map(String::as_str)
    }

    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// Whether the stack receives conversation events.
    pub(super) fn receives_events(&self) -> bool {
        self.outputs.contains_key(outputs::EVENT_QUEUE_URL)
    }

    /// An ARN in the stack's region and account.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = &self.arn_parts;
        let region = if service == "iam" { "" } else { region };
        format!("{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The physical id of a resource.
    pub(super) fn resource(&self, logical_id: &str) -> Option<&str> {
        self.resources.as_ref().ok()?.get(logical_id).map(String::as_str)
    }

    /// The physical id of a resource, or the finding that it is missing or unknown.
    pub(super) fn required_resource(&self, logical_id: &str) -> Result<&str, Finding> {
        match &self.resources {
            Ok(_) => self.resource(logical_id).ok_or_else(|| {
                let advice = "deploy this version's template (`make deploy`)";
                Finding::fault(format!("the stack has no {logical_id}"), advice)
            }),
            Err(AwsError::Denied(action)) => Err(Finding::denied(action)),
            Err(_) => Err(Finding::skipped("because the stack's resources could not be listed")),
        }
    }
}

pub(super) async fn discover(stack: &Stack, aws: &SdkConfig, group: &Group) -> Discovery {
    let mut discovery = Discovery::default();
    let Some(region) = aws.region().filter(|region| !region.as_ref().is_empty()) else {
        group.report("region", Diagnosis::no_region().into());
        return discovery;
    };
    group.report("region", Finding::ok(region.as_ref()));
    if let Err(fault) = credentials(aws).await {
        group.report("credentials", fault);
        return discovery;
    }
    let (client, clock, sent) = (Client::new(aws), AwsClock::default(), Timestamp::now());
    let described = client.describe_stacks().stack_name(stack.name()).customize().interceptor(clock.clone()).send();
    let described = described.await;
    discovery.clock = clock.skew(sent);
    let described = match described {
        Ok(answer) => answer.stacks.unwrap_or_default().into_iter().next(),
        Err(error) if is_missing(&error) => None,
        Err(error) => {
            discovery.report_failure(AwsError::of("cloudformation:DescribeStacks", &error), group);
            return discovery;
        }
    };
    discovery.access_evaluated = true;
    group.report("credentials", Finding::ok("AWS accepts them"));
    match described {
        None => group.report("stack", region_search::missing_stack(stack, aws, region).await),
        Some(described) => discovery.deployed = Some(check(stack, region, described, aws, group).await),
    }
    discovery
}

async fn credentials(aws: &SdkConfig) -> Result<(), Finding> {
    let Some(provider) = aws.credentials_provider() else { return Ok(()) };
    provider.provide_credentials().await.map(|_| ()).map_err(|error| Diagnosis::no_credentials(&error).into())
}

impl Discovery {
    fn report_failure(&mut self, error: AwsError, group: &Group) {
        let skewed = self.clock.is_some_and(ClockSkew::breaks_signatures);
        match error {
            AwsError::Credentials(code) if skewed => {
                let because = format!("because the clock is wrong, AWS refused the signature: {code}");
                group.report("credentials", Finding::skipped(because));
            }
            error @ (AwsError::Credentials(_) | AwsError::NoCredentials(_)) => {
                group.report("credentials", Finding::from_aws_error(error, "the stack", "see what AWS says"));
            }
            other => {
                self.access_evaluated = matches!(other, AwsError::Denied(_) | AwsError::Refused(..));
                group.report("stack", Finding::from_aws_error(other, "the stack", "see what AWS says"));
            }
        }
    }
}

async fn check(stack: &Stack, region: &Region, described: Described, aws: &SdkConfig, group: &Group) -> DeployedStack {
    group.report("stack", classify_status(stack.name(), region, described.stack_status()));
    let parameters: HashMap<_, _> = described
        .parameters
        .unwrap_or_default()
        .into_iter()
        .filter_map(|parameter| parameter.parameter_key.zip(parameter.parameter_value))
        .collect();
    let kms_key = parameters.get(KMS_KEY).filter(|arn| !arn.is_empty()).cloned();
    let keeps_failed_messages = parameters.get(KEEP_FAILED_MESSAGES).is_some_and(|keeps| keeps == "true");
    let outputs: HashMap<_, _> = described
        .outputs
        .unwrap_or_default()
        .into_iter()
        .filter_map(|output| output.output_key.zip(output.output_value))
        .collect();
    let missing: Vec<_> = outputs::REQUIRED.into_iter().filter(|key| !outputs.contains_key(*key)).collect();
    let finding = match missing.as_slice() {
        [] => Finding::ok("complete"),
        _ => Finding::fault(
            format!("missing: {}", missing.join(", ")),
            "deploy this version's template (`make deploy`), or choose another stack with --stack",
        ),
    };
    group.report("outputs", finding);
    group.report("version", version::check(outputs.get(outputs::VERSION).map(String::as_str)));
    // arn:aws:cloudformation:eu-central-1:123456789012:stack/patchbay/…
    let id = described.stack_id.unwrap_or_default();
    let mut parts = id.split(':');
    let partition = format!("{}:{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let account = parts.nth(2).unwrap_or_default().to_owned();
    let resources = resources(stack, aws).await;
    let arn_parts = (partition, region.to_string(), account);
    DeployedStack { outputs, parameters, kms_key, keeps_failed_messages, resources, arn_parts }
}

fn classify_status(name: &str, region: &Region, status: Option<&StackStatus>) -> Finding {
    let observed = format!("{name} in {region}: {}", status.map_or("no status", StackStatus::as_str));
    let word = status.map_or("", StackStatus::as_str);
    let events = format!(
        "see why: `aws cloudformation describe-stack-events --region {region} --stack-name {name} --max-items 20`"
    );
    match word {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Finding::ok(observed),
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => {
            Finding::warning(observed, format!("the last deployment failed and was rolled back: {events}"))
        }
        _ if word.ends_with("_IN_PROGRESS") => {
            Finding::warning(observed, "wait for the deployment, and run this again")
        }
        _ => Finding::fault(observed, format!("the deployment failed: {events}, and deploy again (`make deploy`)")),
    }
}

async fn resources(stack: &Stack, aws: &SdkConfig) -> Result<HashMap<String, String>, AwsError> {
    let listed = stack.list_resources(aws).await;
    let resources = listed.map_err(|error| AwsError::of("cloudformation:ListStackResources", &error))?;
    let named = resources.into_iter().filter_map(|one| one.logical_resource_id.zip(one.physical_resource_id));
    Ok(named.collect())
}
