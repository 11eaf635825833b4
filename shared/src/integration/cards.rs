//! The configuration of cards.

use crate::json::fields::{Fields, boolean};
use crate::platform::{PlatformName, Route};
use serde_json::Value;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardRoute {
    /// Through the platform's open messaging API, to a user of the platform.
    OpenMessaging,
    /// As a structured message through the messaging service, to a customer.
    MessagingService {
        /// Whether the platform's conversation shows the card as text to the agent.
        text_trace: bool,
    },
}

impl CardRoute {
    /// The default: the platform's API, if it supports cards. A channel's customers are no users of the platform.
    #[must_use]
    pub fn default_for(platform: PlatformName, has_channel: bool) -> Self {
        if platform.routes().contains(&Route::Cards) && !has_channel {
            Self::OpenMessaging
        } else {
            Self::via_messaging_service(platform)
        }
    }

    /// With a text trace, if the platform supports it.
    fn via_messaging_service(platform: PlatformName) -> Self {
        Self::MessagingService { text_trace: platform.maximum_text_trace().is_some() }
    }

    pub fn read(platform: PlatformName, default: Self, fields: &mut Fields<'_>) -> Option<Self> {
        let route = if fields.has("route") { fields.required("route", route) } else { Some(default) };
        let text_trace = fields.optional("textTrace", boolean);
        match (route?, text_trace) {
            (Self::OpenMessaging, _) if !platform.routes().contains(&Route::Cards) => {
                fields.error("route", "must be `messaging-service`: the platform does not support cards");
                None
            }
            (Self::OpenMessaging, Some(_)) => {
                fields.error("textTrace", "is only valid with the route `messaging-service`");
                None
            }
            (Self::OpenMessaging, None) => Some(Self::OpenMessaging),
            (Self::MessagingService { .. }, Some(true)) if platform.maximum_text_trace().is_none() => {
                fields.error("textTrace", "must be false: the platform shows agents no text that customers do not get");
                None
            }
            (Self::MessagingService { .. }, Some(text_trace)) => Some(Self::MessagingService { text_trace }),
            (Self::MessagingService { .. }, None) => Some(Self::via_messaging_service(platform)),
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
