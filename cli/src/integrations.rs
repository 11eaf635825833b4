//! The integrations, as their secrets have them.

use crate::failure::Failure;
use crate::stack::Stack;
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

/// The configuration of one.
pub(crate) async fn load(stack: &Stack, name: &IntegrationName) -> Result<Arc<Integration>, Failure> {
    let client = Client::new(&stack.aws);
    let store = IntegrationStore::new(client, stack.output("SecretPrefix").await?, DEFAULT_TIME_TO_LIVE);
    store.get(name).await.map_err(|error| Failure::Failed(format!("the integration `{name}`: {error}")))
}

/// One of the list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) changed: Option<Timestamp>,
    /// When it will be gone, if it was removed.
    pub(crate) deleted: Option<Timestamp>,
}

/// All of them by name, those that were removed and are not gone yet included.
pub(crate) async fn list(client: &Client, prefix: &str) -> Result<Vec<Listed>, SdkError<ListSecretsError>> {
    let start = format!("{prefix}/");
    let filter = Filter::builder().key(FilterNameStringType::Name).values(&start).build();
    let mut pages = client.list_secrets().include_planned_deletion(true).filters(filter).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        // The filter takes no account of case.
        found.extend(page?.secret_list().iter().filter_map(|secret| {
            let name = secret.name()?.strip_prefix(&start).filter(|name| !name.contains('/'))?;
            let changed = secret.last_changed_date().or(secret.created_date()).and_then(time);
            Some(Listed { name: name.to_owned(), changed, deleted: secret.deleted_date().and_then(time) })
        }));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The names of those in a list that are in use.
pub(crate) fn in_use(listed: Vec<Listed>) -> Vec<IntegrationName> {
    listed.into_iter().filter(|one| one.deleted.is_none()).filter_map(|one| one.name.parse().ok()).collect()
}

/// All of the stack, those that were removed and are not gone yet included.
pub(crate) async fn all(stack: &Stack) -> Result<Vec<Listed>, Failure> {
    let listed = list(&Client::new(&stack.aws), stack.output("SecretPrefix").await?).await;
    listed.map_err(|error| not_listed(&error))
}

/// The names of all that are in use.
pub(crate) async fn names(stack: &Stack) -> Result<Vec<IntegrationName>, Failure> {
    all(stack).await.map(in_use)
}

/// There is no list.
pub(crate) fn not_listed(error: &SdkError<ListSecretsError>) -> Failure {
    Failure::Failed(format!("the integrations cannot be listed: {}", sdk_error(error)))
}

/// A time of AWS.
pub(crate) fn time(date: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(date.secs()).ok()
}
