//! Integrations as they are stored in Secrets Manager.

use crate::aws::outputs;
use crate::aws::stack::Stack;
use crate::error::CliError;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsError;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use jiff::Timestamp;
use shared::aws::sdk_error;
use shared::integration::{DEFAULT_TIME_TO_LIVE, Integration, IntegrationStore};
use shared::model::integration_name::IntegrationName;
use std::sync::Arc;

/// From this similarity on, a name may be meant by another.
const SIMILAR: f64 = 0.8;
const SUGGESTIONS: usize = 3;

pub(crate) async fn load(stack: &Stack, name: &IntegrationName) -> Result<Arc<Integration>, CliError> {
    let client = Client::new(&stack.aws);
    let store = IntegrationStore::new(client, stack.output(outputs::SECRET_PREFIX).await?, DEFAULT_TIME_TO_LIVE);
    store.get(name).await.map_err(|error| CliError::Failed(format!("the integration `{name}`: {error}")))
}

#[derive(Debug)]
pub(crate) struct ListedIntegration {
    pub(crate) name: String,
    pub(crate) changed: Option<Timestamp>,
    /// When its secret is deleted permanently, if it was removed.
    pub(crate) deleted: Option<Timestamp>,
}

/// All integrations by name, including removed ones whose secret is not deleted yet.
pub(crate) async fn list(client: &Client, prefix: &str) -> Result<Vec<ListedIntegration>, SdkError<ListSecretsError>> {
    let start = format!("{prefix}/");
    let filter = Filter::builder().key(FilterNameStringType::Name).values(&start).build();
    let mut pages = client.list_secrets().include_planned_deletion(true).filters(filter).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        // The filter ignores case.
        found.extend(page?.secret_list().iter().filter_map(|secret| {
            let name = secret.name()?.strip_prefix(&start).filter(|name| !name.contains('/'))?;
            let changed = secret.last_changed_date().or(secret.created_date()).and_then(timestamp);
            Some(ListedIntegration {
                name: name.to_owned(),
                changed,
                deleted: secret.deleted_date().and_then(timestamp),
            })
        }));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The names of those that were not removed.
pub(crate) fn active_names(listed: Vec<ListedIntegration>) -> Vec<IntegrationName> {
    listed.into_iter().filter(|one| one.deleted.is_none()).filter_map(|one| one.name.parse().ok()).collect()
}

/// All integrations of the stack, including removed ones whose secret is not deleted yet.
pub(crate) async fn list_all(stack: &Stack) -> Result<Vec<ListedIntegration>, CliError> {
    let listed = list(&Client::new(&stack.aws), stack.output(outputs::SECRET_PREFIX).await?).await;
    listed.map_err(|error| list_error(&error))
}

pub(crate) async fn list_active(stack: &Stack) -> Result<Vec<IntegrationName>, CliError> {
    list_all(stack).await.map(active_names)
}

/// The names of all, including removed ones.
pub(crate) async fn all_names(stack: &Stack) -> Result<Vec<IntegrationName>, CliError> {
    Ok(list_all(stack).await?.iter().filter_map(|one| one.name.parse().ok()).collect())
}

/// The error for an integration that does not exist; `None` if it exists, or that cannot be found out. A queue may hold
/// messages of a removed integration, so this explains why none were found.
pub(crate) async fn unknown(stack: &Stack, name: Option<&IntegrationName>) -> Option<CliError> {
    let name = name?.as_str();
    let names: Vec<_> = list_all(stack).await.ok()?.into_iter().map(|one| one.name).collect();
    let why = format!("there is no integration `{name}`{}", suggestion(name, &names));
    (!names.iter().any(|known| known == name)).then_some(CliError::Failed(why))
}

/// The similar names, or else where to find all.
fn suggestion(name: &str, known: &[String]) -> String {
    let similarity = |known: &String| strsim::jaro_winkler(name, known);
    let mut near: Vec<_> = known.iter().filter(|known| similarity(known) >= SIMILAR).collect();
    near.sort_by(|one, other| similarity(other).total_cmp(&similarity(one)));
    let near: Vec<_> = near.into_iter().take(SUGGESTIONS).map(|name| format!("`{name}`")).collect();
    match near.as_slice() {
        [] => "; `patchbay integration list` lists the integrations".to_owned(),
        near => format!("; there is {}", near.join(", ")),
    }
}

pub(crate) fn list_error(error: &SdkError<ListSecretsError>) -> CliError {
    CliError::Failed(format!("the integrations cannot be listed: {}", sdk_error(error)))
}

pub(crate) fn timestamp(date: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(date.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested_the_most_similar_first() {
        let known = ["acme-test", "acme", "shop"].map(str::to_owned);
        assert_eq!("; there is `acme`, `acme-test`", suggestion("acmee", &known));
        assert_eq!("; `patchbay integration list` lists the integrations", suggestion("zzz", &known));
    }
}
