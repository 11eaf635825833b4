//! The AWS profile that the command line names.

use crate::failure::Failure;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{ConfigLoader, Region};
use shared::aws::error_chain;

/// Has `loader` take the credentials of the profile of this name, whatever keys the environment holds: the AWS SDK by
/// itself would prefer those, and act in another account than the one that was named. The region is `region` if there is
/// one, else the profile's, else the environment's.
pub(crate) async fn select(
    loader: ConfigLoader,
    name: &str,
    region: Option<Region>,
    timeouts: TimeoutConfig,
) -> Result<ConfigLoader, Failure> {
    exists(name).await?;
    let region = match region {
        Some(region) => Some(region),
        None => {
            let of_profile = ProfileFileRegionProvider::builder().profile_name(name).build();
            RegionProviderChain::first_try(of_profile).or_else(EnvironmentVariableRegionProvider::new()).region().await
        }
    };
    // A role is assumed in the same region.
    let configured = ProviderConfig::without_region().with_region(region.clone()).with_timeout_config(timeouts);
    let credentials = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&configured).build();
    let loader = loader.profile_name(name).credentials_provider(credentials);
    Ok(match region {
        Some(region) => loader.region(region),
        None => loader,
    })
}

/// Insists that there is a profile of this name.
async fn exists(name: &str) -> Result<(), Failure> {
    let profiles = aws_config::profile::load(&Default::default(), &Default::default(), &Default::default(), None).await;
    let profiles = profiles
        .map_err(|error| Failure::Usage(format!("the AWS profiles cannot be read: {}", error_chain(&error))))?;
    if profiles.get_profile(name).is_some() {
        return Ok(());
    }
    let mut known: Vec<_> = profiles.profiles().map(|known| format!("`{known}`")).collect();
    known.sort();
    Err(Failure::Usage(match known.as_slice() {
        [] => format!("there is no AWS profile `{name}`, nor any other: `aws configure --profile {name}` makes it"),
        known => format!("there is no AWS profile `{name}`: name one of {}", known.join(", ")),
    }))
}
