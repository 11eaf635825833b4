//! What a channel implements.

use super::event::ChannelEvent;
use super::message::{ChannelMessage, Unsupported};
use crate::json::fields::FieldError;
use crate::signature::{MatchedSecret, SignatureError};
use http::{HeaderMap, HeaderName};

/// A provider's request, as it was received.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'r> {
    pub headers: &'r HeaderMap,
    /// Below the integration's [`ChannelAddress`](super::ChannelAddress), encoded as received: empty, or `/status/…`.
    pub path: &'r str,
    /// Encoded as received, without the question mark.
    pub query: Option<&'r str>,
    pub body: &'r [u8],
}

/// A request to a channel's address, for a test of the address and of the current secret.
pub struct TrialRequest {
    pub headers: Vec<(HeaderName, String)>,
    pub body: String,
}

/// The response that acknowledges an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    pub content_type: &'static str,
    pub body: &'static str,
}

/// Implemented by each channel's configuration.
pub(crate) trait Provider {
    /// A part of a message: what one call sends.
    type Part;

    const ACKNOWLEDGEMENT: Acknowledgement;

    /// Whether customers are addressed by their phone numbers.
    const REACHES_PHONES: bool;

    /// Whether customers answer with the number of an option, because the channel has no buttons.
    const NUMBERS_OPTIONS: bool;

    /// Whether the provider reports the delivery status of a message that it accepted. If not, an accepted message counts as
    /// delivered.
    const REPORTS_STATUS: bool;

    /// Whether customers can see that an agent types.
    const SHOWS_TYPING: bool;

    /// Whether the provider holds back later events until one is accepted: then one that cannot be read is accepted too.
    const WAITS_FOR_ACCEPTANCE: bool;

    /// How the provider itself writes a customer's address, if there are several ways.
    fn canonical_address(&self, _address: &str) -> Option<String> {
        None
    }

    /// Verifies that the provider sent the request; returns which secret matched.
    fn verify(&self, request: &ProviderRequest<'_>) -> Result<MatchedSecret, SignatureError>;

    /// Parses a verified request.
    ///
    /// # Errors
    /// It cannot be parsed, and the provider wants to know that.
    fn parse(&self, request: &ProviderRequest<'_>) -> Result<Vec<ChannelEvent>, FieldError>;

    /// The parts of a message, in their order; at least one. The same message always has the same parts.
    ///
    /// # Errors
    /// The channel has no form for it.
    fn render(&self, message: &ChannelMessage<'_>) -> Result<Vec<Self::Part>, Unsupported>;
}
