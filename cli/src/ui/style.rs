//! Styles of what [`super::output`] prints, which leaves them out where the stream is not a terminal, or NO_COLOR is set.

use anstyle::{AnsiColor, Style};
use std::fmt::Display;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// As in the messages of the argument parser.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The text must be sanitized before: [`super::output::sanitize`] removes styles too.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
