//! What Genesys Cloud is to the rest of Patchbay.

use super::config::Config;
use super::read;
use crate::json::fields::{FieldError, Fields};
use crate::model::message::Message;
use crate::platform::{Platform, Received, Rejection, Route};
use crate::signature::{MatchedSecret, SignatureError, hub};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

impl Platform for Config {
    const ROUTES: &'static [Route] = &[
        Route::InboundMessages,
        Route::InboundResponses,
        Route::InboundEvents,
        Route::Cards,
        Route::AgentMessages,
        Route::AgentTyping,
        Route::Agentless,
        Route::Receipts,
    ];

    /// So its documentation wants repeats to be: the same id and the same time.
    const TELLS_REPEATS: bool = true;

    fn read_config(fields: &mut Fields<'_>) -> Option<Self> {
        Self::read(fields)
    }

    fn address(&self) -> &str {
        &self.integration_id
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
        hub::verify_sha256(headers, body, &self.webhook_secrets)
    }

    fn sign(&self, body: &[u8]) -> Option<(HeaderName, String)> {
        self.webhook_secrets.first().map(|secret| (hub::X_HUB_SIGNATURE_256, hub::sign_sha256(body, secret)))
    }

    fn accept(&self, body: &[u8], _: Timestamp) -> Result<Received, Rejection> {
        let webhook = read(body).map_err(Rejection::Unreadable)?;
        // The ids are UUIDs, which mean the same in either case.
        match webhook.integration_id() {
            Some(id) if id.eq_ignore_ascii_case(&self.integration_id) => {
                Ok(Received::Message(Box::new(webhook.into_message(body))))
            }
            _ => Err(Rejection::Foreign),
        }
    }

    fn read(body: &[u8]) -> Result<Message, FieldError> {
        read(body).map(|webhook| webhook.into_message(body))
    }
}
