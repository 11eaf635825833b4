//! The deployed stack: its outputs, parameters and resources, and clients for it.

use super::profile;
use crate::aws::error::{AwsError, Diagnosis, is_missing};
use crate::aws::outputs;
use crate::error::CliError;
use crate::target::Target;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::list_stack_resources::ListStackResourcesError;
use aws_sdk_cloudformation::types::StackResourceSummary;
use shared::ledger::Ledger;
use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// API Gateway itself ends a request after 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(35);

/// Of a call to AWS, with its retries; and of one attempt.
const AWS_TIMEOUT: Duration = Duration::from_secs(20);
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(9);

#[derive(Debug)]
pub(crate) struct Stack {
    name: String,
    api_url: Option<Url>,
    outputs: OnceCell<HashMap<String, String>>,
    pub(crate) aws: SdkConfig,
}

impl Stack {
    pub(crate) async fn new(target: Target) -> Result<Self, CliError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(AWS_TIMEOUT);
        let timeouts = timeouts.operation_attempt_timeout(AWS_ATTEMPT_TIMEOUT).build();
        let loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts.clone());
        let loader = match (target.profile, target.region.map(Region::new)) {
            (Some(profile), region) => profile::select(loader, &profile, region, timeouts).await?,
            (None, Some(region)) => loader.region(region),
            (None, None) => loader,
        };
        let aws = loader.load().await;
        Ok(Self { name: target.stack, api_url: target.api_url, outputs: OnceCell::new(), aws })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The base URL of the API, if `--api-url` or `API_URL` gives it.
    pub(crate) fn api_url(&self) -> Option<&str> {
        self.api_url.as_ref().map(Url::as_str)
    }

    pub(crate) async fn output(&self, key: &str) -> Result<&str, CliError> {
        let outputs = self.outputs.get_or_try_init(|| self.read_outputs()).await?;
        outputs.get(key).map(String::as_str).ok_or_else(|| {
            CliError::Failed(format!("the stack `{}` has no output {key}: is it from another version?", self.name))
        })
    }

    pub(crate) async fn ledger(&self) -> Result<Ledger, CliError> {
        Ok(Ledger::new(aws_sdk_dynamodb::Client::new(&self.aws), self.output(outputs::LEDGER_TABLE).await?))
    }

    /// The stack's tags, without those that AWS adds.
    pub(crate) async fn tags(&self) -> Result<Vec<(String, String)>, CliError> {
        let stack = self.describe().await?;
        let tags = stack.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        Ok(tags.filter(|(key, _)| !key.starts_with("aws:")).collect())
    }

    /// How long functions cache a configuration before they read the secret again.
    pub(crate) async fn configuration_cache(&self) -> Result<Duration, CliError> {
        let output = outputs::CONFIGURATION_CACHE_SECONDS;
        let seconds = self.output(output).await?.parse();
        seconds.map(Duration::from_secs).map_err(|_| {
            CliError::Failed(format!("the output {output} of the stack `{}` is not a number of seconds", self.name))
        })
    }

    pub(crate) async fn parameter(&self, key: &str) -> Result<Option<String>, CliError> {
        let stack = self.describe().await?;
        let parameter = stack.parameters().iter().find(|parameter| parameter.parameter_key() == Some(key));
        Ok(parameter.and_then(|parameter| parameter.parameter_value()).map(str::to_owned))
    }

    pub(crate) async fn resources(&self) -> Result<Vec<StackResourceSummary>, CliError> {
        let region = self.region()?;
        let listed = self.list_resources(&self.aws).await;
        listed.map_err(|error| self.describe_error(region, "cloudformation:ListStackResources", &error))
    }

    /// The same with these SDK settings, and with the SDK's own error.
    pub(crate) async fn list_resources(
        &self,
        aws: &SdkConfig,
    ) -> Result<Vec<StackResourceSummary>, SdkError<ListStackResourcesError>> {
        let client = aws_sdk_cloudformation::Client::new(aws);
        client.list_stack_resources().stack_name(&self.name).into_paginator().items().send().collect().await
    }

    async fn read_outputs(&self) -> Result<HashMap<String, String>, CliError> {
        let stack = self.describe().await?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let outputs = stack.outputs().iter();
        Ok(outputs.map(|output| (text(output.output_key()), text(output.output_value()))).collect())
    }

    async fn describe(&self) -> Result<aws_sdk_cloudformation::types::Stack, CliError> {
        let region = self.region()?;
        let request = aws_sdk_cloudformation::Client::new(&self.aws).describe_stacks().stack_name(&self.name).send();
        let answer =
            request.await.map_err(|error| self.describe_error(region, "cloudformation:DescribeStacks", &error))?;
        let stack = answer.stacks.and_then(|stacks| stacks.into_iter().next());
        stack.ok_or_else(|| Diagnosis::no_stack(&self.name, region).into())
    }

    fn region(&self) -> Result<&str, CliError> {
        let region = self.aws.region().map(AsRef::as_ref).filter(|region| !region.is_empty());
        region.ok_or_else(|| Diagnosis::no_region().into())
    }

    /// Explains the failure of a CloudFormation call that needs the permission `action`.
    fn describe_error<E, R>(&self, region: &str, action: &'static str, error: &SdkError<E, R>) -> CliError
    where
        SdkError<E, R>: Error + ProvideErrorMetadata + 'static,
    {
        if is_missing(error) {
            return Diagnosis::no_stack(&self.name, region).into();
        }
        let what = format!("the stack `{}` in {region}", self.name);
        AwsError::of(action, error).diagnose(&what, "see what AWS says").into()
    }

    /// The base URL of the API, without a slash at the end.
    pub(crate) async fn base_url(&self) -> Result<&str, CliError> {
        let base = match &self.api_url {
            Some(url) => url.as_str(),
            None => self.output(outputs::API_URL).await?,
        };
        Ok(base.trim_end_matches('/'))
    }

    /// The URL of a route; `path` begins after `/integrations/`.
    pub(crate) async fn route_url(&self, path: &str) -> Result<Url, CliError> {
        format!("{}/integrations/{path}", self.base_url().await?)
            .parse()
            .map_err(|_| CliError::Failed("the API's base URL is invalid".to_owned()))
    }

    /// For the HTTP API. Redirects are not followed: they would take secrets elsewhere.
    pub(crate) fn http_client(&self) -> Result<reqwest::Client, CliError> {
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        // Not every resolver maps names below localhost to this machine.
        if let Some((host, port)) =
            self.api_url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)))
            && host.ends_with(".localhost")
        {
            builder = builder.no_proxy().resolve(host, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        }
        builder.build().map_err(|error| CliError::Failed(format!("no HTTP client: {error}")))
    }
}
