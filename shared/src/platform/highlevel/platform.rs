//! HighLevel's webhooks: verification, ownership and parsing.

use super::config::{Config, Credentials};
use super::message_type::MessageType;
use super::normalize::read_message;
use super::wire::{EventHeader, OutboundMessage, Webhook, read_identity};
use crate::json::fields::FieldError;
use crate::model::inbound::{InboundMember, InboundMessage};
use crate::model::message::Message;
use crate::model::receipt::DeliveryStatus;
use crate::platform::webhook::WebhookPlatform;
use crate::platform::{Received, Rejection, Route, Withdrawal};
use crate::signature::highlevel::{X_GHL_SIGNATURE, verify};
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};

/// How far the platform's clock may be ahead of ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl WebhookPlatform for Config {
    const ROUTES: &'static [Route] =
        &[Route::InboundMessages, Route::InboundEvents, Route::Agentless, Route::AgentlessCancel, Route::Receipts];

    const SUPPORTS_EMAIL_RECEIPTS: bool = true;

    const HAS_CONTACTS: bool = true;

    const SIGNATURE_HEADER: HeaderName = X_GHL_SIGNATURE;

    /// The only status that is repeated under both of the vendor's policies. Under the older one, everything else is final.
    const RETRY_STATUS: StatusCode = StatusCode::TOO_MANY_REQUESTS;

    const INBOUND_MEMBERS: &'static [InboundMember] = &[
        InboundMember::Email,
        InboundMember::EmailHeader,
        InboundMember::Call,
        InboundMember::ConversationId,
        InboundMember::Channel,
        InboundMember::FileText,
    ];

    fn supports_several_files(_message: &InboundMessage) -> bool {
        true
    }

    fn receipt_status(status: DeliveryStatus) -> Option<DeliveryStatus> {
        Some(status).filter(|status| *status != DeliveryStatus::Removed)
    }

    fn channel_id(&self) -> &str {
        &self.location_id
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        // The platform rotates its keys itself, so there is no previous secret.
        verify(headers, body, &self.trusted_keys).map(|()| MatchedSecret::Current)
    }

    fn parse_webhook(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection> {
        let (header, webhook) = read_identity(body).map_err(Rejection::InvalidPayload)?;
        match webhook {
            // The platform sends the events of all locations that have the app to one address, and a 4xx counts against
            // the app.
            Webhook::Other | Webhook::Install | Webhook::Uninstall if self.is_of_other_owner(&header) => {
                Ok(Received::Ignored("event of another location or app"))
            }
            Webhook::Other => {
                let is_typed = header.event_type.is_some();
                Ok(Received::Ignored(if is_typed { "event of another type" } else { "event without a type" }))
            }
            // It may arrive before the code of the authorization is exchanged.
            Webhook::Install => Ok(Received::Ignored("INSTALL")),
            Webhook::Uninstall => {
                Ok(self.withdrawal(&header).map_or(Received::Ignored("UNINSTALL"), Received::Withdrawn))
            }
            Webhook::OutboundMessage(message) => {
                self.check_owner(&header, self.app_id.is_some())?;
                self.check_age(&header, now).map_err(Rejection::InvalidPayload)?;
                Ok(match message.message_type() {
                    Some(MessageType::InternalComment) => Received::Ignored("InternalComment"),
                    // It is received by the delivery URL.
                    _ if self.is_provider(&message) => Received::Ignored("provider's own message"),
                    _ if message.is_one_of(&self.forward_message_types) => {
                        Received::Message(Box::new(message.into_message(body).map_err(Rejection::InvalidPayload)?))
                    }
                    _ => Received::Ignored("message of another type"),
                })
            }
            // `forward_message_types` does not apply: the platform requests that the message be sent.
            Webhook::ProviderMessage(message) => {
                self.check_owner(&header, header.app_id.is_some())?;
                // Rejecting requests without a time would lose them.
                if header.has_time() {
                    self.check_age(&header, now).map_err(Rejection::InvalidPayload)?;
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
    /// The events of all customers are signed with the same key, so only their ids identify the owner.
    fn check_owner(&self, header: &EventHeader, by_app: bool) -> Result<(), Rejection> {
        let is_location = header.location_id.as_deref() == Some(&self.location_id);
        let is_app = !by_app || self.app_id.as_deref().is_none_or(|id| header.app_id.as_deref() == Some(id));
        if is_location && is_app { Ok(()) } else { Err(Rejection::WrongIntegration) }
    }

    /// Whether an event that is not forwarded names another owner. Events of a whole agency name no location, and most
    /// events no app.
    fn is_of_other_owner(&self, header: &EventHeader) -> bool {
        let is_other = |named: &Option<String>, own: &str| named.as_deref().is_some_and(|named| named != own);
        let is_other_location =
            [&header.location_id, &header.alt_location_id].iter().any(|named| is_other(named, &self.location_id));
        let is_other_app = self.app_id.as_deref().is_some_and(|own| is_other(&header.app_id, own));
        is_other_location || is_other_app
    }

    /// The withdrawal of this integration's authorization. An agency's report has no location: its id is compared with the
    /// tokens' later.
    fn withdrawal(&self, header: &EventHeader) -> Option<Withdrawal> {
        let Credentials::App(app) = &self.credentials else { return None };
        let app_id = self.app_id.as_deref().unwrap_or(app.id());
        let names_owner = header.location_id.is_some() || header.company_id.is_some();
        let company_id = header.company_id.clone().filter(|_| header.location_id.is_none());
        let details = company_id.into_iter().map(|id| ("companyId".to_owned(), id)).collect();
        let is_ours = header.app_id.as_deref() == Some(app_id) && names_owner;
        is_ours.then_some(Withdrawal { at: header.written_at(), details })
    }

    /// Whether the message is sent by the configured conversation provider.
    fn is_provider(&self, message: &OutboundMessage) -> bool {
        let provider = message.conversation_provider_id.as_deref();
        provider.is_some() && provider == self.conversation_provider_id.as_deref()
    }

    /// The platform retries an event for up to 30 days with its original `timestamp`, so the age is only limited if the
    /// configuration says so.
    fn check_age(&self, header: &EventHeader, now: Timestamp) -> Result<(), FieldError> {
        let age = header.written_at().map(|written_at| now.duration_since(written_at));
        match (age, self.maximum_age) {
            (Some(age), _) if age < -CLOCK_TOLERANCE => {
                Err(FieldError::new("/timestamp", "is more than five minutes in the future"))
            }
            (Some(age), Some(maximum)) if age > maximum => {
                Err(FieldError::new("/timestamp", "is older than the configuration allows"))
            }
            (None, Some(_)) => Err(FieldError::new("/timestamp", "must be a time if the configuration limits the age")),
            _ => Ok(()),
        }
    }
}
