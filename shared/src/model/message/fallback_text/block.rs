//! The parts of a message as it is shown to people. Channels with pictures and buttons send these, others the plain text.

use super::Section;
use crate::model::inbound::ChoiceType;
use crate::model::message::Attachment;
use std::fmt;

/// Consecutive lines that belong together: a text, a card, a list of options, files.
#[derive(Clone, PartialEq)]
pub struct Block {
    pub section: Section,
    /// At least one.
    pub lines: Vec<Line>,
}

impl Block {
    pub(super) fn of_text(text: String) -> Self {
        Self { section: Section::Block, lines: vec![Line::Text(text)] }
    }
}

/// One or more lines of text. Its `Display` is the plain text.
#[derive(Clone, PartialEq)]
pub enum Line {
    Text(String),
    /// The title of a card or a choice of times.
    Title(String),
    /// A URL or a phone number. Either may be empty.
    Link {
        label: String,
        target: String,
    },
    File(Attachment),
    Option {
        /// Counted across the whole message, from 1.
        number: usize,
        label: String,
        /// `None` if the platform does not say what the choice is: the answer is then a text.
        answer: Option<Answer>,
    },
}

/// What a customer's choice of an option is to the platform.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub r#type: ChoiceType,
    pub payload: String,
}

impl Answer {
    pub(crate) fn new(r#type: ChoiceType, payload: &str) -> Self {
        Self { r#type, payload: payload.to_owned() }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Title(text) => formatter.write_str(text),
            Self::Link { label, target } => link(formatter, label, target),
            Self::File(file) => {
                link(formatter, file.filename.as_deref().unwrap_or_default(), file.url.as_deref().unwrap_or_default())
            }
            Self::Option { number, label, .. } => write!(formatter, "{number}. {label}"),
        }
    }
}

fn link(formatter: &mut fmt::Formatter<'_>, label: &str, target: &str) -> fmt::Result {
    match (label, target) {
        ("", _) => formatter.write_str(target),
        (_, "") => formatter.write_str(label),
        _ if label == target => formatter.write_str(target),
        _ => write!(formatter, "{label}: {target}"),
    }
}
