//! The AWS profile of `--profile`.

use crate::error::CliError;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{ConfigLoader, Region};
use shared::aws::error_chain;

/// Configures `loader` with the credentials of this profile. By default the AWS SDK prefers keys in the environment,
/// and would act in another account than the one asked for. The region is `region` if given, else the profile's, else
/// the environment's.
pub(crate) async fn select(
    loader: ConfigLoader,
    name: &str,
    region: Option<Region>,
    timeouts: TimeoutConfig,
) -> Result<ConfigLoader, CliError> {
    require_profile(name).await?;
    let region = match region {
        Some(region) => Some(region),
        None => {
            let of_profile = ProfileFileRegionProvider::builder().profile_name(name).build();
            RegionProviderChain::first_try(of_profile).or_else(EnvironmentVariableRegionProvider::new()).region().await
        }
    };
    // Roles are assumed in the same region.
    let configured = ProviderConfig::without_region().with_region(region.clone()).with_timeout_config(timeouts);
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&configured).build();
    let loader = loader.profile_name(name).credentials_provider(credentials);
    Ok(match region {
        Some(region) => loader.region(region),
        None => loader,
    })
}

async fn require_profile(name: &str) -> Result<(), CliError> {
    let profiles = aws_config::profile::load(&Default::default(), &Default::default(), &Default::default(), None).await;
    let profiles = profiles
        .map_err(|error| CliError::Usage(format!("the AWS profiles cannot be read: {}", error_chain(&error))))?;
    if profiles.get_profile(name).is_some() {
        return Ok(());
    }
    let mut known: Vec<_> = profiles.profiles().map(|known| format!("`{known}`")).collect();
    known.sort();
    Err(CliError::Usage(match known.as_slice() {
        [] => format!("there is no AWS profile `{name}`, nor any other: `aws configure --profile {name}` creates it"),
        known => format!("there is no AWS profile `{name}`: choose one of {}", known.join(", ")),
    }))
}
