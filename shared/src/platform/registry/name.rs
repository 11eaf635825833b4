//! What a platform can do, whatever the integration.

use crate::json::fields::FieldError;
use crate::model::conversation::SourceEvent;
use crate::model::inbound::{InboundMember, InboundMessage};
use crate::model::message::Message;
use crate::model::platform_name::PlatformName;
use crate::model::receipt::DeliveryStatus;
use crate::platform::api::Route;
use crate::platform::genesys_cloud::config::Config as GenesysCloudConfig;
use crate::platform::highlevel::config::Config as HighLevelConfig;
use crate::platform::multicloud_cx::config::Config as MulticloudCxConfig;
use crate::platform::webhook::WebhookPlatform;
use http::{HeaderMap, HeaderName, StatusCode};

impl PlatformName {
    /// The caller routes that the platform's API supports.
    #[must_use]
    pub fn routes(self) -> &'static [Route] {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::ROUTES,
            Self::MulticloudCx => MulticloudCxConfig::ROUTES,
            Self::HighLevel => HighLevelConfig::ROUTES,
        }
    }

    /// The platform that a webhook with these headers may be from, before anything is verified.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| headers.contains_key(platform.signature_header()))
    }

    fn signature_header(self) -> HeaderName {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SIGNATURE_HEADER,
            Self::MulticloudCx => MulticloudCxConfig::SIGNATURE_HEADER,
            Self::HighLevel => HighLevelConfig::SIGNATURE_HEADER,
        }
    }

    /// The status that makes the platform send a webhook again that was not stored.
    #[must_use]
    pub fn retry_status(self) -> StatusCode {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::RETRY_STATUS,
            Self::MulticloudCx => MulticloudCxConfig::RETRY_STATUS,
            Self::HighLevel => HighLevelConfig::RETRY_STATUS,
        }
    }

    /// Whether the platform takes several receipts in one call: [`Platforms::post_receipts`](super::Platforms::post_receipts).
    #[must_use]
    pub fn supports_receipt_batch(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SUPPORTS_RECEIPT_BATCH,
            Self::MulticloudCx => MulticloudCxConfig::SUPPORTS_RECEIPT_BATCH,
            Self::HighLevel => HighLevelConfig::SUPPORTS_RECEIPT_BATCH,
        }
    }

    /// The longest text, in characters, of an agentless message that shows a card to the agent without reaching the customer;
    /// `None` if the platform has no such message.
    #[must_use]
    pub fn maximum_text_trace(self) -> Option<usize> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::MAX_TEXT_TRACE,
            Self::MulticloudCx => MulticloudCxConfig::MAX_TEXT_TRACE,
            Self::HighLevel => HighLevelConfig::MAX_TEXT_TRACE,
        }
    }

    /// Whether a receipt may refer to an email by the platform's own id of it.
    #[must_use]
    pub fn supports_email_receipts(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::SUPPORTS_EMAIL_RECEIPTS,
            Self::MulticloudCx => MulticloudCxConfig::SUPPORTS_EMAIL_RECEIPTS,
            Self::HighLevel => HighLevelConfig::SUPPORTS_EMAIL_RECEIPTS,
        }
    }

    /// Whether customers are contacts, known by the platform's own ids, phone numbers or email addresses.
    #[must_use]
    pub fn has_contacts(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::HAS_CONTACTS,
            Self::MulticloudCx => MulticloudCxConfig::HAS_CONTACTS,
            Self::HighLevel => HighLevelConfig::HAS_CONTACTS,
        }
    }

    /// Whether the platform deduplicates customers' messages by id and time.
    #[must_use]
    pub fn deduplicates_inbound(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::DEDUPLICATES_INBOUND,
            Self::MulticloudCx => MulticloudCxConfig::DEDUPLICATES_INBOUND,
            Self::HighLevel => HighLevelConfig::DEDUPLICATES_INBOUND,
        }
    }

    /// The members of a customer's message that the platform has a place for, besides those that all platforms have.
    #[must_use]
    pub fn inbound_members(self) -> &'static [InboundMember] {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::INBOUND_MEMBERS,
            Self::MulticloudCx => MulticloudCxConfig::INBOUND_MEMBERS,
            Self::HighLevel => HighLevelConfig::INBOUND_MEMBERS,
        }
    }

    /// Whether the platform takes all files of this customer's message in one call.
    #[must_use]
    pub fn supports_several_files(self, message: &InboundMessage) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::supports_several_files(message),
            Self::MulticloudCx => MulticloudCxConfig::supports_several_files(message),
            Self::HighLevel => HighLevelConfig::supports_several_files(message),
        }
    }

    /// The status to report to the platform when a messaging service reports `status`; `None` if the platform has no
    /// equivalent.
    #[must_use]
    pub fn receipt_status(self, status: DeliveryStatus) -> Option<DeliveryStatus> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::receipt_status(status),
            Self::MulticloudCx => MulticloudCxConfig::receipt_status(status),
            Self::HighLevel => HighLevelConfig::receipt_status(status),
        }
    }

    /// Parses a webhook body of this platform that was accepted earlier.
    ///
    /// # Errors
    /// What is wrong with the body, and where.
    pub fn parse_message(self, body: &[u8]) -> Result<Message, FieldError> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::parse_message(body),
            Self::MulticloudCx => MulticloudCxConfig::parse_message(body),
            Self::HighLevel => HighLevelConfig::parse_message(body),
        }
    }

    /// Whether the platform has an event source with its conversations' events.
    #[must_use]
    pub fn has_conversation_events(self) -> bool {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::HAS_CONVERSATION_EVENTS,
            Self::MulticloudCx => MulticloudCxConfig::HAS_CONVERSATION_EVENTS,
            Self::HighLevel => HighLevelConfig::HAS_CONVERSATION_EVENTS,
        }
    }

    /// Parses an event of a conversation from the platform's event source.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse_conversation_event(self, event: &[u8]) -> Result<SourceEvent, FieldError> {
        match self {
            Self::GenesysCloud => GenesysCloudConfig::parse_conversation_event(event),
            Self::MulticloudCx => MulticloudCxConfig::parse_conversation_event(event),
            Self::HighLevel => HighLevelConfig::parse_conversation_event(event),
        }
    }
}
