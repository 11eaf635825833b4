//! What a customer did, as one of the inbound routes reports it.

use crate::api::problem::Problem;
use crate::json::fields::Fields;
use crate::model::inbound::{Customer, InboundMessage, InboundResponse, InboundTyping};
use crate::platform::{PlatformName, Route};
use jiff::Timestamp;

/// What a customer did.
#[derive(Clone)]
pub enum InboundRequest {
    Message(Box<InboundMessage>),
    Response(Box<InboundResponse>),
    Typing(Box<InboundTyping>),
}

impl InboundRequest {
    /// Reads the body of a request to `route`.
    pub fn read(route: Route, fields: &mut Fields<'_>) -> Option<Self> {
        match route {
            Route::InboundResponses => InboundResponse::read(fields).map(Box::new).map(Self::Response),
            Route::InboundEvents => InboundTyping::read(fields).map(Box::new).map(Self::Typing),
            _ => InboundMessage::read(fields).map(Box::new).map(Self::Message),
        }
    }

    /// # Errors
    /// It has members for which the platform has no place.
    pub fn check(&self, platform: PlatformName) -> Result<(), Problem> {
        let Self::Message(message) = self else { return Ok(()) };
        let unsupported = message.unsupported_members(platform.inbound_members());
        if unsupported.is_empty() { Ok(()) } else { Err(Problem::invalid_body(unsupported)) }
    }

    #[must_use]
    pub fn customer(&self) -> &Customer {
        match self {
            Self::Message(message) => &message.meta.from,
            Self::Response(response) => &response.meta.from,
            Self::Typing(typing) => &typing.from,
        }
    }

    pub fn customer_mut(&mut self) -> &mut Customer {
        match self {
            Self::Message(message) => &mut message.meta.from,
            Self::Response(response) => &mut response.meta.from,
            Self::Typing(typing) => &mut typing.from,
        }
    }

    /// The messaging service's id. A typing event has none.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match self {
            Self::Message(message) => Some(&message.meta.message_id),
            Self::Response(response) => Some(&response.meta.message_id),
            Self::Typing(_) => None,
        }
    }

    /// When the customer did it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Message(message) => message.meta.time,
            Self::Response(response) => response.meta.time,
            Self::Typing(typing) => typing.time,
        }
    }
}
