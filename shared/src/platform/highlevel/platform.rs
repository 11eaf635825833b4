//! What HighLevel is to the rest of Patchbay.

use super::config::Config;
use super::message_type::MessageType;
use super::normalize::read_message;
use super::wire::{Head, OutboundMessage, Webhook, fault, read};
use crate::json::fields::FieldError;
use crate::model::inbound::InboundMessage;
use crate::model::message::Message;
use crate::model::receipt::DeliveryStatus;
use crate::platform::webhook::WebhookPlatform;
use crate::platform::{Received, Rejection, Route};
use crate::signature::{MatchedSecret, SignatureError, highlevel};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

/// How far ahead of ours the platform's clock may be.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl WebhookPlatform for Config {
    const ROUTES: &'static [Route] = &[Route::InboundMessages, Route::Receipts];

    fn takes_several_files(_message: &InboundMessage) -> bool {
        true
    }

    fn receipt_status(status: DeliveryStatus) -> Option<DeliveryStatus> {
        Some(status).filter(|status| *status != DeliveryStatus::Removed)
    }

    fn channel_id(&self) -> &str {
        &self.location_id
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        // The keys are the platform's, which rotates them itself.
        highlevel::verify(headers, body, &self.trusted_keys, self.legacy_signature).map(|()| MatchedSecret::Current)
    }

    fn parse_webhook(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection> {
        let (head, webhook) = read(body).map_err(Rejection::InvalidPayload)?;
        match webhook {
            Webhook::Other => Ok(Received::Ignored("event of another type")),
            Webhook::Observed(message) => {
                self.check_owner(&head, self.app_id.is_some())?;
                self.check_age(&head, now).map_err(Rejection::InvalidPayload)?;
                Ok(match message.sort() {
                    Some(MessageType::InternalComment) => Received::Ignored("InternalComment"),
                    // The delivery URL brings it, as a request.
                    _ if self.is_provider(&message) => Received::Ignored("provider's own message"),
                    Some(sort) if self.forward_message_types.contains(&sort) => {
                        Received::Message(Box::new(message.into_message(body).map_err(Rejection::InvalidPayload)?))
                    }
                    _ => Received::Ignored("message of another type"),
                })
            }
            // It is not on the list's account that a message is to be sent.
            Webhook::Requested(message) => {
                self.check_owner(&head, head.app_id.is_some())?;
                // Without a time there is nothing to judge by, and to refuse all of those would lose them.
                if head.has_time() {
                    self.check_age(&head, now).map_err(Rejection::InvalidPayload)?;
                }
                Ok(Received::Message(Box::new(message.into_message(body))))
            }
        }
    }

    fn parse_message(body: &[u8]) -> Result<Message, FieldError> {
        read_message(body)
    }
}

impl Config {
    /// All customers' events have the same signature: only the ids in them say whose they are.
    fn check_owner(&self, head: &Head, by_app: bool) -> Result<(), Rejection> {
        let is_location = head.location_id.as_deref() == Some(&self.location_id);
        let is_app = !by_app || self.app_id.as_deref().is_none_or(|id| head.app_id.as_deref() == Some(id));
        if is_location && is_app { Ok(()) } else { Err(Rejection::WrongIntegration) }
    }

    /// Whether the message is sent by the conversation provider that customers' messages come in by.
    fn is_provider(&self, message: &OutboundMessage) -> bool {
        let provider = message.conversation_provider_id.as_deref();
        provider.is_some() && provider == self.conversation_provider_id.as_deref()
    }

    /// An event comes again for up to 30 days with its first `timestamp`, so that its age says little.
    fn check_age(&self, head: &Head, now: Timestamp) -> Result<(), FieldError> {
        let age = head.written_at().map(|written_at| now.duration_since(written_at));
        match (age, self.maximum_age) {
            (Some(age), _) if age < -CLOCK_TOLERANCE => {
                Err(fault("/timestamp", "is more than five minutes in the future"))
            }
            (Some(age), Some(maximum)) if age > maximum => {
                Err(fault("/timestamp", "is longer ago than the configuration allows"))
            }
            (None, Some(_)) => Err(fault("/timestamp", "must be a time where the configuration limits the age")),
            _ => Ok(()),
        }
    }
}
