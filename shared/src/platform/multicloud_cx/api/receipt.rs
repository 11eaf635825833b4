//! Delivery receipts for outbound messages.

use super::{Address, Channel, Client};
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason};
use crate::model::trace_id::TraceId;
use crate::platform::ApiError;
use crate::platform::multicloud_cx::config::Config;
use serde::Serialize;
use tokio::time::Instant;

/// A message of type `Receipt`. Sender and recipient are the same as those of the message that it is about.
#[derive(Serialize)]
pub(super) struct Receipt<'r> {
    channel: Channel<'r>,
    r#type: &'static str,
    status: DeliveryStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason<'r>>,
}

#[derive(Serialize)]
struct Reason<'r> {
    code: u64,
    message: &'r str,
}

impl<'r> Receipt<'r> {
    /// If the sender of the message is unknown, the channel's id is used instead.
    pub(super) fn new(config: &'r Config, receipt: &'r DeliveryReceipt) -> Self {
        let from = receipt.from.as_ref().map_or(&config.channel_id, |from| &from.id);
        Self {
            channel: Channel {
                channel_type: None,
                from: Address { id: from },
                to: Address { id: &receipt.to.id },
                message_id: &receipt.message_id,
            },
            r#type: "Receipt",
            status: receipt.status,
            reasons: receipt.reasons.iter().map(Reason::from).collect(),
        }
    }
}

impl<'r> From<&'r FailureReason> for Reason<'r> {
    fn from(reason: &'r FailureReason) -> Self {
        Self { code: reason.code.number(), message: &reason.message }
    }
}

impl Client {
    /// Posts a receipt. This is idempotent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipt(
        &self,
        config: &Config,
        receipt: &DeliveryReceipt,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        self.post_receipts(config, &[receipt], deadline).await
    }

    /// Posts several receipts in one call, in order. This is idempotent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipts(
        &self,
        config: &Config,
        receipts: &[&DeliveryReceipt],
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let messages = receipts.iter().map(|receipt| Receipt::new(config, receipt)).collect();
        self.post_messages(config, messages, common_trace_id(receipts), true, deadline).await.map(drop)
    }
}

/// The trace id, if it is the same for all receipts.
fn common_trace_id<'r>(receipts: &[&'r DeliveryReceipt]) -> Option<&'r TraceId> {
    let (first, rest) = receipts.split_first()?;
    first.trace_id.as_ref().filter(|_| rest.iter().all(|receipt| receipt.trace_id == first.trace_id))
}
