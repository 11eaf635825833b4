//! Delivery receipts for outbound messages.

use super::{Call, Client, RetryMode};
use crate::model::receipt::{DEFAULT_FAILURE_MESSAGE, DeliveryReceipt, DeliveryStatus, ReasonCode};
use crate::platform::highlevel::config::Config;
use crate::platform::transport;
use crate::platform::{ApiError, Attempts};
use http::Method;
use serde::Serialize;
use tokio::time::Instant;

/// The error's type, for which the platform documents no values.
const ERROR_TYPE: &str = "delivery";

/// The only version that has the status of an email.
const EMAIL_STATUS_VERSION: &str = "v3";

/// The body of `PUT /conversations/messages/{messageId}/status`.
#[derive(Serialize)]
struct Status<'r> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<StatusError<'r>>,
    /// The addresses that the status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<[&'r str; 1]>,
}

/// All three fields are required.
#[derive(Serialize)]
struct StatusError<'r> {
    code: &'r str,
    r#type: &'static str,
    message: &'r str,
}

/// The body of `PUT /conversations/messages/email/{emailMessageId}/status`.
#[derive(Serialize)]
struct EmailStatus<'r> {
    status: &'static str,
    /// Counters, which the platform adds to its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Events>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<[EmailRecipient<'r>; 1]>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Events {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<u8>,
}

/// The status of one recipient, which replaces an earlier one.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct EmailRecipient<'r> {
    email_id: &'r str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_reason: Option<&'r str>,
}

impl<'r> From<&'r DeliveryReceipt> for Status<'r> {
    fn from(receipt: &'r DeliveryReceipt) -> Self {
        let status = match receipt.status {
            DeliveryStatus::Pending => "pending",
            // There is no status for removed messages, and they are not reported.
            DeliveryStatus::Delivered | DeliveryStatus::Removed => "delivered",
            DeliveryStatus::Read => "read",
            DeliveryStatus::Failed => "failed",
        };
        let code = receipt.reasons.first().map_or(ReasonCode::GeneralError.as_str(), |reason| reason.code.as_str());
        let error = failure_message(receipt).map(|message| StatusError { code, r#type: ERROR_TYPE, message });
        Self { status, error, recipients: receipt.email_recipient().map(|address| [address]) }
    }
}

impl<'r> From<&'r DeliveryReceipt> for EmailStatus<'r> {
    fn from(receipt: &'r DeliveryReceipt) -> Self {
        let none = Events::default();
        let (status, events) = match receipt.status {
            DeliveryStatus::Pending => ("pending", None),
            DeliveryStatus::Delivered | DeliveryStatus::Removed => {
                ("delivered", Some(Events { delivered: Some(1), ..none }))
            }
            DeliveryStatus::Read => ("opened", Some(Events { opened: Some(1), ..none })),
            DeliveryStatus::Failed => ("failed", Some(Events { failed: Some(1), ..none })),
        };
        let fail_reason = failure_message(receipt);
        let recipients = receipt.email_recipient().map(|email_id| [EmailRecipient { email_id, status, fail_reason }]);
        Self { status, events, recipients }
    }
}

fn failure_message(receipt: &DeliveryReceipt) -> Option<&str> {
    let message = receipt.reasons.first().map_or(DEFAULT_FAILURE_MESSAGE, |reason| &reason.message);
    (receipt.status == DeliveryStatus::Failed).then_some(message)
}

impl Client {
    /// Posts a receipt. This is idempotent, except for the counters of an email, which are not sent once one of the `attempts`
    /// may have counted them.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn post_receipt(
        &self,
        config: &Config,
        receipt: &DeliveryReceipt,
        attempts: &Attempts,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        // A receipt without a time has that of each attempt.
        let sent_by = attempts.first_at().map_or(receipt.time, |first| first.min(receipt.time));
        let retry_mode = RetryMode::UntilVisible(sent_by);
        if let Some(email_id) = &receipt.email_message_id {
            let path = ["conversations", "messages", "email", email_id, "status"];
            let counted = EmailStatus::from(receipt);
            let call = Call::new(Method::PUT, &path, &counted, EMAIL_STATUS_VERSION, retry_mode)?;
            let repeated_body = Some(transport::json_body(&EmailStatus { events: None, ..counted })?);
            let call = Call { repeated_body, attempts: attempts.clone(), ..call };
            return self.call(config, &call, |_| Ok(()), deadline).await;
        }
        let path = ["conversations", "messages", &receipt.message_id, "status"];
        let call = Call::new(Method::PUT, &path, &Status::from(receipt), &config.api_version, retry_mode)?;
        self.call(config, &call, |_| Ok(()), deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::IdType;
    use crate::model::receipt::{FailureReason, Recipient};
    use jiff::Timestamp;
    use serde_json::json;

    fn receipt(status: DeliveryStatus, id_type: IdType) -> DeliveryReceipt {
        let failure = FailureReason { code: ReasonCode::InvalidDestination, message: "No such mailbox".to_owned() };
        DeliveryReceipt {
            message_id: "m".to_owned(),
            from: None,
            to: Recipient { id: "ada@example.com".to_owned(), id_type: Some(id_type) },
            status,
            reasons: if status == DeliveryStatus::Failed { vec![failure] } else { Vec::new() },
            time: Timestamp::UNIX_EPOCH,
            is_final: true,
            email_message_id: None,
            trace_id: None,
        }
    }

    #[test]
    fn a_status_names_the_recipient_of_an_email_only() {
        let status = |status, id_type| serde_json::to_value(Status::from(&receipt(status, id_type))).unwrap();
        assert_eq!(json!({"status": "read"}), status(DeliveryStatus::Read, IdType::Opaque));
        assert_eq!(
            json!({
                "status": "failed", "recipients": ["ada@example.com"],
                "error": {"code": "InvalidDestination", "type": "delivery", "message": "No such mailbox"},
            }),
            status(DeliveryStatus::Failed, IdType::Email)
        );
    }

    #[test]
    fn the_status_of_an_email_counts_its_event() {
        let status = |status| serde_json::to_value(EmailStatus::from(&receipt(status, IdType::Email))).unwrap();
        let expected = |status: &str, events: &str| {
            json!({
                "status": status, "events": {events: 1}, "recipients": [{"emailId": "ada@example.com", "status": status}],
            })
        };
        assert_eq!(expected("delivered", "delivered"), status(DeliveryStatus::Delivered));
        assert_eq!(expected("opened", "opened"), status(DeliveryStatus::Read));
        let mut failed = expected("failed", "failed");
        failed["recipients"][0]["failReason"] = "No such mailbox".into();
        assert_eq!(failed, status(DeliveryStatus::Failed));
        let recipients = json!([{"emailId": "ada@example.com", "status": "pending"}]);
        assert_eq!(json!({"status": "pending", "recipients": recipients}), status(DeliveryStatus::Pending));
    }
}
