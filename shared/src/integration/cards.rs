//! What an integration's configuration says of cards.

use crate::json::fields::{Fields, boolean};
use crate::platform::{PlatformName, Route};
use serde_json::Value;

/// How a card reaches the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardRoute {
    /// Through the platform's open-messaging API, to one of the platform's users.
    OpenMessaging,
    /// As a structured message to the messaging service, to a customer.
    MessagingService {
        /// Whether the conversation on the platform gets the card as text, for the agent to see.
        text_trace: bool,
    },
}

impl CardRoute {
    /// What counts where the configuration says nothing: the platform's own way, if it has one.
    #[must_use]
    pub fn usual(platform: PlatformName) -> Self {
        if platform.routes().contains(&Route::Cards) {
            Self::OpenMessaging
        } else {
            Self::by_messaging_service(platform)
        }
    }

    /// The way through the messaging service, with a text trace where the platform can take one.
    fn by_messaging_service(platform: PlatformName) -> Self {
        Self::MessagingService { text_trace: platform.routes().contains(&Route::Agentless) }
    }

    /// Reads the `cards` of an integration's configuration.
    pub fn read(platform: PlatformName, fields: &mut Fields<'_>) -> Option<Self> {
        let route = if fields.has("route") { fields.required("route", route) } else { Some(Self::usual(platform)) };
        let text_trace = fields.optional("textTrace", boolean);
        let has = |route| platform.routes().contains(&route);
        match (route?, text_trace) {
            (Self::OpenMessaging, _) if !has(Route::Cards) => {
                fields.fault("route", "must be `messaging-service`: the platform takes no cards");
                None
            }
            (Self::OpenMessaging, Some(_)) => {
                fields.fault("textTrace", "is for the route `messaging-service` only");
                None
            }
            (Self::OpenMessaging, None) => Some(Self::OpenMessaging),
            (Self::MessagingService { .. }, Some(true)) if !has(Route::Agentless) => {
                fields.fault("textTrace", "must be false: the platform takes no agentless messages");
                None
            }
            (Self::MessagingService { .. }, Some(text_trace)) => Some(Self::MessagingService { text_trace }),
            (Self::MessagingService { .. }, None) => Some(Self::by_messaging_service(platform)),
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
