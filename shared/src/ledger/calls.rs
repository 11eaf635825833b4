//! Calls to DynamoDB that all kinds of items share.

use super::item::{KEY, text};
use super::{Ledger, LedgerError};
use crate::aws;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{HashMap, HashSet};

/// How many items `BatchGetItem` reads.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>.
const BATCH_SIZE: usize = 100;
const CONCURRENCY: usize = 8;

type Attributes = HashMap<String, AttributeValue>;

impl Ledger {
    /// A write of the item under `key`.
    pub(super) fn update_item(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key(KEY, text(key))
    }

    /// Reads the item under `key`, consistently.
    pub(super) async fn read_item(&self, key: &str) -> Result<Option<HashMap<String, AttributeValue>>, LedgerError> {
        let request = self.client.get_item().table_name(&self.table).key(KEY, text(key)).consistent_read(true);
        let output = request.send().await.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        Ok(output.item)
    }

    /// Reads the items under these keys, consistently.
    pub(super) async fn read_items(
        &self,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<HashMap<String, Attributes>, LedgerError> {
        let keys: HashSet<_> = keys.into_iter().collect();
        let keys: Vec<_> = keys.into_iter().map(|key| Attributes::from([(KEY.to_owned(), text(key))])).collect();
        let batches: Vec<_> = keys.chunks(BATCH_SIZE).map(<[_]>::to_vec).collect();
        let read = stream::iter(batches).map(|keys| self.read_batch(keys));
        let items: Vec<_> = read.buffer_unordered(CONCURRENCY).try_collect().await?;
        let items = items.into_iter().flatten();
        Ok(items.filter_map(|item| Some((item.get(KEY)?.as_s().ok()?.clone(), item))).collect())
    }

    async fn read_batch(&self, keys: Vec<Attributes>) -> Result<Vec<Attributes>, LedgerError> {
        let request = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys)).build();
        let request = request.map_err(|_| LedgerError::Malformed("keys"))?;
        let output = self.client.batch_get_item().request_items(&self.table, request).send().await;
        let output = output.map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))?;
        if output.unprocessed_keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(LedgerError::Unavailable("some items were not read".to_owned()));
        }
        Ok(output.responses.unwrap_or_default().into_values().flatten().collect())
    }
}

/// What a conditional write returned; none if the item did not satisfy the condition.
pub(super) fn if_applied<O>(result: Result<O, SdkError<UpdateItemError>>) -> Result<Option<O>, LedgerError> {
    match result {
        Ok(output) => Ok(Some(output)),
        Err(error) => conflicting_item(error).map(|_| None),
    }
}

/// The item that failed the condition of a write. Any other error means that DynamoDB is unavailable.
pub(super) fn conflicting_item(
    error: SdkError<UpdateItemError>,
) -> Result<HashMap<String, AttributeValue>, LedgerError> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => Ok(refusal.item.clone().unwrap_or_default()),
        _ => Err(LedgerError::Unavailable(aws::sdk_error(&error))),
    }
}
