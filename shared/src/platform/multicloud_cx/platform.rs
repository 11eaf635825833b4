//! Genesys Multicloud CX's webhooks: verification, ownership and parsing.

use super::api;
use super::config::Config;
use super::wire::Notification;
use super::{read_identity, read_message};
use crate::json::fields::FieldError;
use crate::model::channel::Channel;
use crate::model::inbound::{InboundMember, InboundMessage};
use crate::model::message::Message;
use crate::model::receipt::DeliveryStatus;
use crate::platform::webhook::WebhookPlatform;
use crate::platform::{ApiError, Received, Rejection, Route};
use crate::signature::{MatchedSecret, SignatureError, hub};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

impl WebhookPlatform for Config {
    const ROUTES: &'static [Route] = &[Route::InboundMessages, Route::Receipts];

    const SIGNATURE_HEADER: HeaderName = hub::X_HUB_SIGNATURE;

    const SUPPORTS_RECEIPT_BATCH: bool = true;

    const INBOUND_MEMBERS: &'static [InboundMember] =
        &[InboundMember::Email, InboundMember::Channel, InboundMember::FileText];

    /// Emails can have several files. For other messages, the format for several files is not documented.
    fn supports_several_files(message: &InboundMessage) -> bool {
        message.email.is_some() || message.channel == Some(Channel::Email)
    }

    fn uploads_files_of(&self, message: &InboundMessage) -> Result<bool, ApiError> {
        api::check_inbound_message(self, message)?;
        Ok(self.upload_files && !message.attachments.is_empty())
    }

    fn receipt_status(status: DeliveryStatus) -> Option<DeliveryStatus> {
        match status {
            DeliveryStatus::Delivered | DeliveryStatus::Read => Some(DeliveryStatus::Delivered),
            DeliveryStatus::Failed | DeliveryStatus::Removed => Some(status),
            DeliveryStatus::Pending => None,
        }
    }

    fn channel_id(&self) -> &str {
        &self.channel_id
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        hub::verify_sha1(headers, body, &self.app_secrets)
    }

    fn sign(&self, body: &[u8]) -> Vec<(HeaderName, String)> {
        let secret = self.app_secrets.first();
        secret.map(|secret| (hub::X_HUB_SIGNATURE, hub::sign_sha1(body, secret))).into_iter().collect()
    }

    fn parse_webhook(&self, body: &[u8], _now: Timestamp) -> Result<Received, Rejection> {
        match read_identity(body).map_err(Rejection::InvalidPayload)? {
            Notification::Interactions => Ok(Received::Ignored("interactions")),
            Notification::Message(webhook) if webhook.belongs_to(&self.channel_id) => {
                Ok(Received::Message(Box::new(webhook.into_message(body))))
            }
            Notification::Message(_) => Err(Rejection::WrongIntegration),
        }
    }

    fn parse_message(body: &[u8]) -> Result<Message, FieldError> {
        read_message(body).map(|webhook| webhook.into_message(body))
    }
}
