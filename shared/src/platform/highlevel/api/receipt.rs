//! Delivery receipts for outbound messages.

use super::{Call, Client, RetryMode};
use crate::model::receipt::{DEFAULT_FAILURE_MESSAGE, DeliveryReceipt, DeliveryStatus, ReasonCode};
use crate::platform::ApiError;
use crate::platform::highlevel::config::Config;
use http::Method;
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

/// The error's type, for which the platform documents no values.
const ERROR_TYPE: &str = "delivery";

/// The body of `PUT /conversations/messages/{messageId}/status`.
#[derive(Serialize)]
struct Status<'r> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<StatusError<'r>>,
}

/// All three fields are required.
#[derive(Serialize)]
struct StatusError<'r> {
    code: &'r str,
    r#type: &'static str,
    message: &'r str,
}

impl<'r> From<&'r DeliveryReceipt> for Status<'r> {
    fn from(receipt: &'r DeliveryReceipt) -> Self {
        match receipt.status {
            DeliveryStatus::Pending => Self { status: "pending", error: None },
            // There is no status for removed messages, and they are not reported.
            DeliveryStatus::Delivered | DeliveryStatus::Removed => Self { status: "delivered", error: None },
            DeliveryStatus::Read => Self { status: "read", error: None },
            DeliveryStatus::Failed => {
                let reason = receipt.reasons.first();
                let code = reason.map_or(ReasonCode::GeneralError.as_str(), |reason| reason.code.as_str());
                let message = reason.map_or(DEFAULT_FAILURE_MESSAGE, |reason| &reason.message);
                Self { status: "failed", error: Some(StatusError { code, r#type: ERROR_TYPE, message }) }
            }
        }
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
        let path = ["conversations", "messages", &receipt.message_id, "status"];
        let call = Call::new(Method::PUT, &path, &Status::from(receipt), RetryMode::UntilVisible(receipt.time))?;
        self.call(config, &call, |_: Option<IgnoredAny>| Ok(()), deadline).await
    }
}
