//! Whether the stack is there: region, credentials, status, outputs.

use super::report::{Check, Finding, MACHINE, STACK};
use crate::aws_error::{AwsError, Trouble, is_missing};
use crate::clock::{AwsClock, Deviation};
use crate::stack::Stack;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::config::{Builder, ProvideCredentials};
use aws_sdk_cloudformation::types::Stack as Described;
use aws_sdk_cloudformation::{Client, types::StackStatus};
use futures::future::join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// How long other regions are asked for the stack.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The regions that every account has. Source: <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// What the template puts out.
const OUTPUTS: [&str; 8] = [
    "ApiUrl",
    "WebhookUrl",
    "SecretPrefix",
    "MessageQueueUrl",
    "DeadLetterQueueUrl",
    "ParkingQueueUrl",
    "LedgerTable",
    "ConfigurationCacheSeconds",
];

/// The template's parameter for a key of one's own.
const KMS_KEY: &str = "KmsKeyArn";
/// The template's parameter that says whether failed messages are kept.
const KEEP_FAILED_MESSAGES: &str = "KeepFailedMessages";

/// The stack as it is deployed.
#[derive(Debug)]
pub(super) struct Deployed {
    outputs: HashMap<String, String>,
    /// The ARN of the stack's own key, where it has one.
    pub(super) kms_key: Option<String>,
    /// Whether failed messages are kept.
    pub(super) keeps_failed: bool,
    /// What its resources are called by AWS, by logical id; or why nobody knows.
    resources: Result<HashMap<String, String>, AwsError>,
    /// `arn:<partition>`, the region, and the account.
    place: (String, String, String),
}

/// What was found out about the stack.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) checks: Vec<Check>,
    pub(super) clock: Option<Deviation>,
    /// Whether AWS has said of a call that the user of this command may make it, or may not.
    pub(super) judged: bool,
    pub(super) deployed: Option<Deployed>,
}

impl Deployed {
    pub(super) fn output(&self, key: &str) -> Option<&str> {
        self.outputs.get(key).map(String::as_str)
    }

    /// The ARN of something in the stack's region and account.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = &self.place;
        let region = if service == "iam" { "" } else { region };
        format!("{partition}:{service}:{region}:{account}:{resource}")
    }

    /// What AWS calls the resource with this logical id.
    pub(super) fn resource(&self, logical_id: &str) -> Option<&str> {
        self.resources.as_ref().ok()?.get(logical_id).map(String::as_str)
    }

    /// The same, or what it means that nobody knows.
    pub(super) fn needed(&self, logical_id: &str) -> Result<&str, Finding> {
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

/// Looks for the stack.
pub(super) async fn find(stack: &Stack, aws: &SdkConfig) -> Found {
    let Some(region) = aws.region().filter(|region| !region.as_ref().is_empty()) else {
        return Found::nothing(Finding::from(Trouble::no_region()).about(MACHINE, "region"));
    };
    let mut found = Found::default();
    found.checks.push(Finding::ok(region.as_ref()).about(MACHINE, "region"));
    if let Err(fault) = credentials(aws).await {
        found.checks.push(fault.about(MACHINE, "credentials"));
        return found;
    }
    let (client, clock, sent) = (Client::new(aws), AwsClock::default(), Timestamp::now());
    let described = client.describe_stacks().stack_name(stack.name()).customize().interceptor(clock.clone()).send();
    let described = described.await;
    found.clock = clock.deviation(sent);
    let described = match described {
        Ok(answer) => answer.stacks.unwrap_or_default().into_iter().next(),
        Err(error) if is_missing(&error) => None,
        Err(error) => {
            found.failed(AwsError::of("cloudformation:DescribeStacks", &error));
            return found;
        }
    };
    found.judged = true;
    found.checks.push(Finding::ok("AWS takes them").about(MACHINE, "credentials"));
    match described {
        None => found.checks.push(elsewhere(stack, aws, region).await.about(STACK, "stack")),
        Some(described) => found.examine(stack, region, described, aws).await,
    }
    found
}

async fn credentials(aws: &SdkConfig) -> Result<(), Finding> {
    let Some(provider) = aws.credentials_provider() else { return Ok(()) };
    provider.provide_credentials().await.map(|_| ()).map_err(|error| Trouble::no_credentials(&error).into())
}

impl Found {
    fn nothing(check: Check) -> Self {
        Self { checks: vec![check], ..Self::default() }
    }

    /// The stack could not be read.
    fn failed(&mut self, error: AwsError) {
        let skewed = self.clock.is_some_and(Deviation::spoils_signatures);
        let check = match error {
            AwsError::Credentials(code) if skewed => {
                let because = format!("because the clock is wrong, AWS refused the signature: {code}");
                Finding::skipped(because).about(MACHINE, "credentials")
            }
            error @ (AwsError::Credentials(_) | AwsError::NoCredentials(_)) => {
                Finding::of(error, "the stack", "see what AWS says").about(MACHINE, "credentials")
            }
            other => {
                self.judged = matches!(other, AwsError::Denied(_) | AwsError::Refused(..));
                Finding::of(other, "the stack", "see what AWS says").about(STACK, "stack")
            }
        };
        self.checks.push(check);
    }

    async fn examine(&mut self, stack: &Stack, region: &Region, described: Described, aws: &SdkConfig) {
        let (name, status) = (stack.name(), described.stack_status());
        let seen = format!("{name} in {region}: {}", status.map_or("no status", StackStatus::as_str));
        self.checks.push(judged(seen, status).about(STACK, "stack"));
        let parameter = |key| {
            let mut parameters = described.parameters().iter();
            parameters.find(|parameter| parameter.parameter_key() == Some(key))?.parameter_value()
        };
        let kms_key = parameter(KMS_KEY).filter(|arn| !arn.is_empty()).map(str::to_owned);
        let keeps_failed = parameter(KEEP_FAILED_MESSAGES) == Some("true");
        let outputs: HashMap<_, _> = described
            .outputs
            .unwrap_or_default()
            .into_iter()
            .filter_map(|output| output.output_key.zip(output.output_value))
            .collect();
        let missing: Vec<_> = OUTPUTS.into_iter().filter(|key| !outputs.contains_key(*key)).collect();
        let finding = match missing.as_slice() {
            [] => Finding::ok("all there"),
            _ => Finding::fault(
                format!("{} not there", missing.join(", ")),
                "deploy this version's template (`make deploy`), or name another stack with --stack",
            ),
        };
        self.checks.push(finding.about(STACK, "outputs"));
        // arn:aws:cloudformation:eu-central-1:123456789012:stack/patchbay/…
        let id = described.stack_id.unwrap_or_default();
        let mut parts = id.split(':');
        let partition = format!("{}:{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let account = parts.nth(2).unwrap_or_default().to_owned();
        let resources = resources(stack, aws).await;
        let place = (partition, region.to_string(), account);
        self.deployed = Some(Deployed { outputs, kms_key, keeps_failed, resources, place });
    }
}

fn judged(seen: String, status: Option<&StackStatus>) -> Finding {
    let word = status.map_or("", StackStatus::as_str);
    let events = "see the stack's events (`aws cloudformation describe-stack-events`)";
    match word {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Finding::ok(seen),
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => {
            Finding::warning(seen, format!("the last deployment failed and was undone: {events}"))
        }
        _ if word.ends_with("_IN_PROGRESS") => Finding::warning(seen, "wait for the deployment, and run this again"),
        _ => Finding::fault(seen, format!("the deployment failed: {events}, and deploy again (`make deploy`)")),
    }
}

async fn resources(stack: &Stack, aws: &SdkConfig) -> Result<HashMap<String, String>, AwsError> {
    let listed = stack.resources(aws).await;
    let resources = listed.map_err(|error| AwsError::of("cloudformation:ListStackResources", &error))?;
    let named = resources.into_iter().filter_map(|one| one.logical_resource_id.zip(one.physical_resource_id));
    Ok(named.collect())
}

/// What another region says of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sighting {
    Here,
    NotHere,
    /// It refused, or did not answer in time.
    Unknown,
}

/// The stack is not in this region: where is it?
async fn elsewhere(stack: &Stack, aws: &SdkConfig, region: &Region) -> Finding {
    let name = stack.name();
    let others: Vec<_> = REGIONS.into_iter().filter(|other| *other != region.as_ref()).collect();
    let sightings = join_all(others.iter().map(|other| look_in(name, aws, other))).await;
    let those = |wanted| {
        let found = others.iter().zip(&sightings).filter(move |(_, sighting)| **sighting == wanted);
        found.map(|(other, _)| *other).collect::<Vec<_>>()
    };
    let (there, silent) = (those(Sighting::Here), those(Sighting::Unknown));
    let Trouble { seen, advice } = Trouble::no_stack(name, region.as_ref());
    match (there.as_slice(), silent.as_slice()) {
        ([], []) => Finding::fault(format!("{seen}, nor in the other common regions"), advice),
        ([], silent) => Finding::fault(
            format!(
                "{seen}; of the {} other common regions {} did not tell: {}",
                others.len(),
                silent.len(),
                silent.join(", ")
            ),
            "name the stack's region with --region, or another stack or account with --stack or --profile; if there is \
             none yet, deploy it (`make deploy`)",
        ),
        ([first, ..], _) => Finding::fault(
            format!("{seen}: it is in {}", there.join(", ")),
            format!("use --region {first}, or set AWS_REGION"),
        ),
    }
}

async fn look_in(name: &str, aws: &SdkConfig, region: &'static str) -> Sighting {
    let client = Client::from_conf(Builder::from(aws).region(Region::from_static(region)).build());
    let asked = client.describe_stacks().stack_name(name).send();
    match tokio::time::timeout(SEARCH_TIMEOUT, asked).await {
        Ok(Ok(answer)) if !answer.stacks().is_empty() => Sighting::Here,
        Ok(Ok(_)) => Sighting::NotHere,
        Ok(Err(error)) if is_missing(&error) => Sighting::NotHere,
        Ok(Err(_)) | Err(_) => Sighting::Unknown,
    }
}
