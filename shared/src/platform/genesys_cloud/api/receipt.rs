//! Delivery receipts for outbound messages.

use super::{Call, Client, platform_time};
use crate::model::message::IdType;
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

/// `OpenInboundNormalizedReceipt`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenReceipt<'r> {
    id: &'r str,
    channel: Channel<'r>,
    status: DeliveryStatus,
    #[serde(skip_serializing_if = "<[FailureReason]>::is_empty")]
    reasons: &'r [FailureReason],
    is_final_receipt: bool,
}

/// `OpenInboundMessagingReceiptChannel`. Both fields are required.
#[derive(Serialize)]
struct Channel<'r> {
    to: To<'r>,
    time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct To<'r> {
    id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_type: Option<&'r IdType>,
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
        let body = OpenReceipt {
            id: &receipt.message_id,
            channel: Channel {
                to: To { id: &receipt.to.id, id_type: known(receipt.to.id_type.as_ref()) },
                time: platform_time(receipt.time),
            },
            status: receipt.status,
            reasons: &receipt.reasons,
            is_final_receipt: receipt.is_final,
        };
        let path = ["api", "v2", "conversations", "messages", &config.integration_id, "inbound", "open", "receipt"];
        self.call(config, &Call::post(&path, &body)?.idempotent(), deadline).await.map(|IgnoredAny| ())
    }
}

/// The id type, unless it is one that the platform sends but does not accept.
fn known(id_type: Option<&IdType>) -> Option<&IdType> {
    id_type.filter(|id_type| !matches!(id_type, IdType::Other(_)))
}
