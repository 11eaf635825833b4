//! Cards as callers describe them: one model, whichever way a card goes.

mod read;
mod trace;

pub use read::CardRequest;
pub(crate) use read::payload;
pub use trace::{TraceCode, TraceKey, text_trace};

use crate::model::receipt::Recipient;
use std::fmt;

/// The fewest and the most cards of a carousel.
/// Source: <https://developer.genesys.cloud/commdigital/digital/openmessaging/>, structured messages.
pub const CAROUSEL_CARDS: std::ops::RangeInclusive<usize> = 2..=10;

/// The longest payload of a button, in characters.
pub const MAXIMUM_PAYLOAD: usize = 2_048;

/// Whom a card is for.
#[derive(Clone, PartialEq)]
pub enum CardRecipient {
    /// A customer of the messaging service.
    Customer(Recipient),
    /// A user of the platform, by id.
    User(String),
    /// A user of the platform, by e-mail address.
    Email(String),
}

/// Addresses stay out of whatever prints a recipient.
impl fmt::Debug for CardRecipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Customer(_) => "Customer",
            Self::User(_) => "User",
            Self::Email(_) => "Email",
        })
    }
}

/// What is shown.
#[derive(Clone, PartialEq)]
pub struct CardMessage {
    /// A text that goes with it.
    pub text: Option<String>,
    /// The cards.
    pub cards: Cards,
    /// Answers to choose from.
    pub quick_replies: Vec<QuickReply>,
}

/// How many cards there are.
#[derive(Clone, PartialEq)]
pub enum Cards {
    /// None: quick replies under a text.
    None,
    /// One.
    One(Box<Card>),
    /// Several beside each other, as many as [`CAROUSEL_CARDS`] allows.
    Carousel(Vec<Card>),
}

/// Platforms take no carousel of one card.
impl From<Vec<Card>> for Cards {
    fn from(cards: Vec<Card>) -> Self {
        match <[Card; 1]>::try_from(cards) {
            Ok([card]) => Self::One(Box::new(card)),
            Err(cards) => Self::Carousel(cards),
        }
    }
}

impl Cards {
    /// The cards in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[Card] {
        match self {
            Self::None => &[],
            Self::One(card) => std::slice::from_ref(card),
            Self::Carousel(cards) => cards,
        }
    }
}

/// One card.
#[derive(Clone, PartialEq)]
pub struct Card {
    /// Its title.
    pub title: String,
    /// Its text.
    pub subtitle: Option<String>,
    /// Its picture.
    pub image: Option<Image>,
    /// Its video: `https`.
    pub video: Option<WebAddress>,
    /// What choosing the card itself does.
    pub default_action: Option<DefaultAction>,
    /// Its buttons.
    pub actions: Vec<Action>,
}

/// A picture.
#[derive(Clone, PartialEq)]
pub struct Image {
    /// Where it is: `https`.
    pub url: WebAddress,
    /// What it shows, for those who do not see it.
    pub alt_text: Option<String>,
}

/// The address of a page or a picture, as the caller wrote it.
#[derive(Clone, PartialEq)]
pub struct WebAddress(String);

impl WebAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a button does.
#[derive(Clone, PartialEq)]
pub enum Action {
    /// Sends a payload without showing it.
    PostBack(ButtonReply),
    /// Says the payload in the customer's name.
    ImBack(ButtonReply),
    /// Opens a page.
    OpenUrl {
        /// What the button says.
        title: String,
        /// The page: `https` or `http`.
        url: WebAddress,
    },
}

/// What choosing the card itself does. Only some channels show a title for it.
#[derive(Clone, PartialEq)]
pub enum DefaultAction {
    /// Sends a payload without showing it.
    PostBack {
        /// What it says.
        title: Option<String>,
        /// What is sent: at most [`MAXIMUM_PAYLOAD`] characters.
        payload: String,
    },
    /// Opens a page.
    OpenUrl {
        /// What it says.
        title: Option<String>,
        /// The page: `https` or `http`.
        url: WebAddress,
    },
}

/// An answer to choose.
#[derive(Clone, PartialEq)]
pub struct QuickReply {
    /// What is shown, and what is sent.
    pub reply: ButtonReply,
    /// A picture beside it: `https`.
    pub image: Option<WebAddress>,
    /// What is shown in its place where lists are cut short.
    pub summary_text: Option<String>,
}

/// What is sent when something is chosen.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ButtonReply {
    /// What is shown.
    pub title: String,
    /// What is sent: at most [`MAXIMUM_PAYLOAD`] characters.
    pub payload: String,
}

impl Action {
    /// What the button says.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::PostBack(reply) | Self::ImBack(reply) => &reply.title,
            Self::OpenUrl { title, .. } => title,
        }
    }

    /// What is sent when it is chosen, if anything is.
    #[must_use]
    pub fn reply(&self) -> Option<&ButtonReply> {
        match self {
            Self::PostBack(reply) | Self::ImBack(reply) => Some(reply),
            Self::OpenUrl { .. } => None,
        }
    }
}
