//! What an integration's configuration says of cards.

use crate::fields::{Fields, boolean};
use serde_json::Value;

/// How a card reaches the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CardRoute {
    /// Through the platform's open-messaging API, to one of the platform's users.
    #[default]
    OpenMessaging,
    /// As a structured message to the messaging service, to a customer.
    MessagingService {
        /// Whether the conversation on the platform gets the card as text, for the agent to see.
        text_trace: bool,
    },
}

impl CardRoute {
    /// Reads the `cards` of an integration's configuration.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let route = fields.required("route", route);
        let text_trace = fields.optional("textTrace", boolean);
        match (route?, text_trace) {
            (Self::OpenMessaging, Some(_)) => {
                fields.fault("textTrace", "is for the route `messaging-service` only");
                None
            }
            (Self::OpenMessaging, None) => Some(Self::OpenMessaging),
            (Self::MessagingService { .. }, text_trace) => {
                Some(Self::MessagingService { text_trace: text_trace.unwrap_or(true) })
            }
        }
    }
}

fn route(value: Value) -> Result<CardRoute, String> {
    match value.as_str() {
        Some("open-messaging") => Ok(CardRoute::OpenMessaging),
        Some("messaging-service") => Ok(CardRoute::MessagingService { text_trace: true }),
        _ => Err("must be `open-messaging` or `messaging-service`".to_owned()),
    }
}
