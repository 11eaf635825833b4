//! Genesys Cloud's webhooks: verification, ownership and parsing.

use super::api::MAX_TEXT;
use super::config::Config;
use super::{conversation_event, read, read_identity};
use crate::json::fields::FieldError;
use crate::model::conversation::SourceEvent;
use crate::model::inbound::InboundMember;
use crate::model::message::Message;
use crate::platform::webhook::WebhookPlatform;
use crate::platform::{Received, Rejection, Route};
use crate::signature::{MatchedSecret, SignatureError, hub, secret_header};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use secrecy::ExposeSecret;

impl WebhookPlatform for Config {
    const ROUTES: &'static [Route] = &[
        Route::InboundMessages,
        Route::InboundResponses,
        Route::InboundEvents,
        Route::Cards,
        Route::AgentMessages,
        Route::AgentTyping,
        Route::ConversationsShow,
        Route::ConversationsEnd,
        Route::Agentless,
        Route::Receipts,
    ];

    const SIGNATURE_HEADER: HeaderName = hub::X_HUB_SIGNATURE_256;

    const MAX_TEXT_TRACE: Option<usize> = Some(MAX_TEXT);

    const HAS_CONVERSATION_EVENTS: bool = true;

    /// According to the documentation, a retry must have the same id and the same time.
    const DEDUPLICATES_INBOUND: bool = true;

    const INBOUND_MEMBERS: &'static [InboundMember] = &[
        InboundMember::CustomAttributes,
        InboundMember::Metadata,
        InboundMember::PrefetchConversationId,
        InboundMember::FileText,
        InboundMember::FileThumbnail,
    ];

    fn channel_id(&self) -> &str {
        &self.integration_id
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        let signed_with = hub::verify_sha256(headers, body, &self.webhook_secrets)?;
        match &self.webhook_header {
            Some(header) => Ok(signed_with.older(secret_header::verify(headers, &header.name, &header.secrets)?)),
            None => Ok(signed_with),
        }
    }

    fn sign(&self, body: &[u8]) -> Vec<(HeaderName, String)> {
        let signature =
            self.webhook_secrets.first().map(|secret| (hub::X_HUB_SIGNATURE_256, hub::sign_sha256(body, secret)));
        let header = self.webhook_header.as_ref();
        let header =
            header.and_then(|header| Some((header.name.clone(), header.secrets.first()?.expose_secret().to_owned())));
        signature.into_iter().chain(header).collect()
    }

    fn parse_webhook(&self, body: &[u8], _: Timestamp) -> Result<Received, Rejection> {
        let webhook = read_identity(body).map_err(Rejection::InvalidPayload)?;
        // The ids are UUIDs, which are case-insensitive.
        match webhook.integration_id() {
            Some(id) if id.eq_ignore_ascii_case(&self.integration_id) => {
                Ok(Received::Message(Box::new(webhook.into_message(body))))
            }
            _ => Err(Rejection::WrongIntegration),
        }
    }

    fn parse_message(body: &[u8]) -> Result<Message, FieldError> {
        read(body).map(|webhook| webhook.into_message(body))
    }

    fn parse_conversation_event(event: &[u8]) -> Result<SourceEvent, FieldError> {
        conversation_event::read(event)
    }
}
