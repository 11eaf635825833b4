//! Cards as callers describe them, independent of the route on which they are sent.

mod outbound;
mod parse;
mod text_trace;

pub use outbound::{CardDocument, OutboundCard};
pub use parse::CardRequest;
pub(crate) use parse::payload;
pub use text_trace::{TextTrace, TraceCode, TraceKey, render_text_trace};

use crate::model::receipt::Recipient;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of cards in a carousel.
/// Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>, structured messages.
pub const CAROUSEL_CARDS: std::ops::RangeInclusive<usize> = 2..=10;

/// Maximum length of a button's payload, in characters.
pub const MAX_PAYLOAD: usize = 2_048;

#[derive(Clone, PartialEq)]
pub enum CardRecipient {
    /// A customer of the messaging service.
    Customer(Recipient),
    /// A user of the platform, by id.
    User(String),
    /// A user of the platform, by email address.
    Email(String),
}

/// Hides the address.
impl fmt::Debug for CardRecipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Customer(_) => "Customer",
            Self::User(_) => "User",
            Self::Email(_) => "Email",
        })
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CardMessage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub cards: Cards,
    pub quick_replies: Vec<QuickReply>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cards {
    /// Only quick replies, below a text.
    None,
    One(Box<Card>),
    /// Several cards side by side, within [`CAROUSEL_CARDS`].
    Carousel(Vec<Card>),
}

/// Platforms reject a carousel of one card.
impl From<Vec<Card>> for Cards {
    fn from(cards: Vec<Card>) -> Self {
        match <[Card; 1]>::try_from(cards) {
            Ok([card]) => Self::One(Box::new(card)),
            Err(cards) => Self::Carousel(cards),
        }
    }
}

impl Cards {
    #[must_use]
    pub fn as_slice(&self) -> &[Card] {
        match self {
            Self::None => &[],
            Self::One(card) => std::slice::from_ref(card),
            Self::Carousel(cards) => cards,
        }
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<WebAddress>,
    /// What happens when the customer selects the card itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_action: Option<DefaultAction>,
    pub actions: Vec<Action>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// `https`.
    pub url: WebAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
}

/// A valid URL, kept exactly as the caller wrote it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct WebAddress(String);

impl WebAddress {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Sends a payload without showing it.
    PostBack(ButtonReply),
    /// Sends a payload as a visible message of the customer.
    ImBack(ButtonReply),
    OpenUrl {
        title: String,
        /// `https` or `http`.
        url: WebAddress,
    },
}

/// What happens when the customer selects the card itself. Only some channels show its title.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DefaultAction {
    /// Sends a payload without showing it.
    PostBack {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// At most [`MAX_PAYLOAD`] characters.
        payload: String,
    },
    OpenUrl {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// `https` or `http`.
        url: WebAddress,
    },
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuickReply {
    pub reply: ButtonReply,
    /// `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<WebAddress>,
    /// The short form for truncated lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary_text: Option<String>,
}

/// What is sent when the customer selects a button or quick reply.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ButtonReply {
    pub title: String,
    /// At most [`MAX_PAYLOAD`] characters.
    pub payload: String,
}

impl Action {
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::PostBack(reply) | Self::ImBack(reply) => &reply.title,
            Self::OpenUrl { title, .. } => title,
        }
    }

    #[must_use]
    pub fn reply(&self) -> Option<&ButtonReply> {
        match self {
            Self::PostBack(reply) | Self::ImBack(reply) => Some(reply),
            Self::OpenUrl { .. } => None,
        }
    }
}
