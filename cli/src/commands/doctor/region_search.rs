//! Searches the other regions for a stack that the configured one does not have.

use super::report::Finding;
use crate::aws::error::{Diagnosis, is_missing};
use crate::aws::stack::Stack;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::Builder;
use futures::future::join_all;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The regions that are enabled in every account.
/// Source: <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegionSearch {
    Found,
    NotFound,
    /// The region refused the call, or did not answer in time.
    Unknown,
}

/// Reports that `region` does not have the stack, and which other region does.
pub(super) async fn missing_stack(stack: &Stack, aws: &SdkConfig, region: &Region) -> Finding {
    let name = stack.name();
    let others: Vec<_> = REGIONS.into_iter().filter(|other| *other != region.as_ref()).collect();
    let results = join_all(others.iter().map(|other| search(name, aws, other))).await;
    let regions_with = |wanted| {
        let matching = others.iter().zip(&results).filter(move |(_, result)| **result == wanted);
        matching.map(|(other, _)| *other).collect::<Vec<_>>()
    };
    let (found, unknown) = (regions_with(RegionSearch::Found), regions_with(RegionSearch::Unknown));
    let Diagnosis { observed, advice } = Diagnosis::no_stack(name, region.as_ref());
    match (found.as_slice(), unknown.as_slice()) {
        ([], []) => Finding::fault(format!("{observed}, nor in the other common regions"), advice),
        ([], unknown) => Finding::fault(
            format!(
                "{observed}; of the {} other common regions {} did not answer: {}",
                others.len(),
                unknown.len(),
                unknown.join(", ")
            ),
            "name the stack's region with --region, or another stack or account with --stack or --profile; if there is \
             none yet, deploy it (`make deploy`)",
        ),
        ([first, ..], _) => Finding::fault(
            format!("{observed}: it is in {}", found.join(", ")),
            format!("use --region {first}, or set AWS_REGION"),
        ),
    }
}

async fn search(name: &str, aws: &SdkConfig, region: &'static str) -> RegionSearch {
    let client = Client::from_conf(Builder::from(aws).region(Region::from_static(region)).build());
    let request = client.describe_stacks().stack_name(name).send();
    match tokio::time::timeout(TIMEOUT, request).await {
        Ok(Ok(answer)) if !answer.stacks().is_empty() => RegionSearch::Found,
        Ok(Ok(_)) => RegionSearch::NotFound,
        Ok(Err(error)) if is_missing(&error) => RegionSearch::NotFound,
        Ok(Err(_)) | Err(_) => RegionSearch::Unknown,
    }
}
