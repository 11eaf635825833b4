//! The parts of a message as it is shown to people. Channels with pictures and buttons send these, others the plain text.

use super::Section;
use crate::limits::floor_grapheme_boundary;
use crate::model::inbound::ChoiceType;
use crate::model::message::Attachment;
use std::fmt;

const ELLIPSIS: &str = "…";
const BETWEEN_BLOCKS: &str = "\n\n";
const BETWEEN_LINES: &str = "\n";

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

/// The blocks as plain text.
pub(super) fn plain_text(blocks: &[Block]) -> String {
    let lines = |block: &Block| block.lines.iter().map(Line::to_string).collect::<Vec<_>>().join(BETWEEN_LINES);
    blocks.iter().map(lines).collect::<Vec<_>>().join(BETWEEN_BLOCKS)
}

/// Truncates blocks whose plain text is longer than `maximum` bytes, so that it fits with an ellipsis at its end.
pub(super) fn truncate(blocks: &mut Vec<Block>, maximum: usize) {
    // Up to here there is room for a line that is nothing but the ellipsis.
    let whole = maximum.saturating_sub(BETWEEN_BLOCKS.len() + ELLIPSIS.len());
    let mut used = 0;
    for index in 0..blocks.len() {
        let Some(block) = blocks.get_mut(index) else { return };
        for (number, line) in block.lines.iter_mut().enumerate() {
            used += match (index, number) {
                (0, 0) => 0,
                (_, 0) => BETWEEN_BLOCKS.len(),
                _ => BETWEEN_LINES.len(),
            };
            let length = line.to_string().len();
            if used + length > whole {
                line.truncate(maximum.saturating_sub(used));
                block.lines.truncate(number + 1);
                blocks.truncate(index + 1);
                return;
            }
            used += length;
        }
    }
}

impl Line {
    /// Keeps the beginning of a text, of at most `maximum` bytes with the ellipsis. Of any other line nothing is kept: a part
    /// of a link leads nowhere, and a part of an option is another one.
    fn truncate(&mut self, maximum: usize) {
        match self {
            Self::Text(text) | Self::Title(text) => {
                text.truncate(floor_grapheme_boundary(text, maximum.saturating_sub(ELLIPSIS.len())));
                text.truncate(text.trim_end().len());
                text.push_str(ELLIPSIS);
            }
            _ => *self = Self::Text(ELLIPSIS.to_owned()),
        }
    }
}
