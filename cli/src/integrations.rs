//! The integrations, as their secrets have them.

use crate::failure::Failure;
use crate::stack::Stack;
use shared::aws::cause;
use shared::integration::{Integration, IntegrationName, IntegrationStore};
use std::sync::Arc;

/// The configuration of one.
pub(crate) async fn load(stack: &Stack, name: &IntegrationName) -> Result<Arc<Integration>, Failure> {
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws);
    let store = IntegrationStore::new(client, stack.output("SecretPrefix").await?);
    store.get(name).await.map_err(|error| Failure::Failed(format!("the integration `{name}`: {error}")))
}

/// The names of all.
pub(crate) async fn names(stack: &Stack) -> Result<Vec<IntegrationName>, Failure> {
    use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
    let prefix = format!("{}/", stack.output("SecretPrefix").await?);
    let filter = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws);
    let mut pages = client.list_secrets().filters(filter).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| Failure::Failed(format!("the integrations cannot be listed: {}", cause(&error))))?;
        let secrets = page.secret_list().iter().filter_map(|secret| secret.name()?.strip_prefix(&prefix));
        names.extend(secrets.filter_map(|name| name.parse().ok()));
    }
    Ok(names)
}
