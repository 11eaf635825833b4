//! The deployed Patchbay that a command is about: what its outputs say, and clients for it.

use crate::aws_error::{AwsError, Trouble, is_missing};
use crate::failure::Failure;
use crate::profile;
use crate::target::Target;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::list_stack_resources::ListStackResourcesError;
use aws_sdk_cloudformation::types::StackResourceSummary;
use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// How long an answer of the HTTP API is waited for: it does not take longer than 30 seconds itself.
const TIMEOUT: Duration = Duration::from_secs(35);

/// How long a call to AWS may take, repeats included, and how long it is waited for before it is repeated.
const AWS_TIMEOUT: Duration = Duration::from_secs(20);
const AWS_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(9);

/// The deployed Patchbay.
#[derive(Debug)]
pub(crate) struct Stack {
    name: String,
    api_url: Option<Url>,
    outputs: OnceCell<HashMap<String, String>>,
    /// The AWS SDK's settings.
    pub(crate) aws: SdkConfig,
}

impl Stack {
    pub(crate) async fn new(target: Target) -> Result<Self, Failure> {
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

    /// The stack's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the routes are by the command line's word, if it says so.
    pub(crate) fn api_url(&self) -> Option<&str> {
        self.api_url.as_ref().map(Url::as_str)
    }

    /// One of the stack's outputs.
    pub(crate) async fn output(&self, key: &str) -> Result<&str, Failure> {
        let outputs = self.outputs.get_or_try_init(|| self.read_outputs()).await?;
        outputs.get(key).map(String::as_str).ok_or_else(|| {
            Failure::Failed(format!("the stack `{}` has no output {key}: is it another version's?", self.name))
        })
    }

    /// The stack's own tags.
    pub(crate) async fn tags(&self) -> Result<Vec<(String, String)>, Failure> {
        let stack = self.describe().await?;
        let tags = stack.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
        Ok(tags.filter(|(key, _)| !key.starts_with("aws:")).collect())
    }

    /// How long a function uses a configuration before it reads the secret again.
    pub(crate) async fn configuration_cache(&self) -> Result<Duration, Failure> {
        const OUTPUT: &str = "ConfigurationCacheSeconds";
        let seconds = self.output(OUTPUT).await?.parse();
        seconds.map(Duration::from_secs).map_err(|_| {
            Failure::Failed(format!("the output {OUTPUT} of the stack `{}` is not a number of seconds", self.name))
        })
    }

    /// One of the stack's parameters, where it has it.
    pub(crate) async fn parameter(&self, key: &str) -> Result<Option<String>, Failure> {
        let stack = self.describe().await?;
        let parameter = stack.parameters().iter().find(|parameter| parameter.parameter_key() == Some(key));
        Ok(parameter.and_then(|parameter| parameter.parameter_value()).map(str::to_owned))
    }

    /// What the stack is made of.
    pub(crate) async fn parts(&self) -> Result<Vec<StackResourceSummary>, Failure> {
        let region = self.known_region()?;
        let listed = self.resources(&self.aws).await;
        listed.map_err(|error| self.untold(region, "cloudformation:ListStackResources", &error))
    }

    /// The same, asked with these settings of the AWS SDK.
    pub(crate) async fn resources(
        &self,
        aws: &SdkConfig,
    ) -> Result<Vec<StackResourceSummary>, SdkError<ListStackResourcesError>> {
        let client = aws_sdk_cloudformation::Client::new(aws);
        client.list_stack_resources().stack_name(&self.name).into_paginator().items().send().collect().await
    }

    async fn read_outputs(&self) -> Result<HashMap<String, String>, Failure> {
        let stack = self.describe().await?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let outputs = stack.outputs().iter();
        Ok(outputs.map(|output| (text(output.output_key()), text(output.output_value()))).collect())
    }

    async fn describe(&self) -> Result<aws_sdk_cloudformation::types::Stack, Failure> {
        let region = self.known_region()?;
        let asked = aws_sdk_cloudformation::Client::new(&self.aws).describe_stacks().stack_name(&self.name).send();
        let answer = asked.await.map_err(|error| self.untold(region, "cloudformation:DescribeStacks", &error))?;
        let stack = answer.stacks.and_then(|stacks| stacks.into_iter().next());
        stack.ok_or_else(|| Trouble::no_stack(&self.name, region).into())
    }

    /// The region, without which nothing can be asked.
    fn known_region(&self) -> Result<&str, Failure> {
        let region = self.aws.region().map(AsRef::as_ref).filter(|region| !region.is_empty());
        region.ok_or_else(|| Trouble::no_region().into())
    }

    /// Why CloudFormation does not tell of the stack, asked with a call that needs `action`.
    fn untold<E, R>(&self, region: &str, action: &'static str, error: &SdkError<E, R>) -> Failure
    where
        SdkError<E, R>: Error + ProvideErrorMetadata + 'static,
    {
        if is_missing(error) {
            return Trouble::no_stack(&self.name, region).into();
        }
        let what = format!("the stack `{}` in {region}", self.name);
        AwsError::of(action, error).trouble(&what, "see what AWS says").into()
    }

    /// A route's address; `path` begins after `/integrations/`.
    pub(crate) async fn route(&self, path: &str) -> Result<Url, Failure> {
        let base = match &self.api_url {
            Some(url) => url.as_str(),
            None => self.output("ApiUrl").await?,
        };
        format!("{}/integrations/{path}", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| Failure::Failed("the API's address is no URL".to_owned()))
    }

    /// A client for the HTTP API. Redirects are not followed.
    pub(crate) fn http(&self) -> Result<reqwest::Client, Failure> {
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        // Not every resolver knows that names under localhost are this machine.
        if let Some((host, port)) =
            self.api_url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)))
            && host.ends_with(".localhost")
        {
            builder = builder.no_proxy().resolve(host, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        }
        builder.build().map_err(|error| Failure::Failed(format!("no HTTP client: {error}")))
    }
}
