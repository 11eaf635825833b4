//! What is printed: tables for people, JSON for programs. Results go to standard output, everything else to standard error.

use crate::failure::Failure;
use comfy_table::{Table, TableStyle};
use serde::Serialize;
use std::io::Write;

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a result: `value` for programs, or what `human` makes of it for people.
    pub(crate) fn result<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) {
        let text = if self.json { serde_json::to_string_pretty(value).unwrap_or_default() } else { human(value) };
        // Whoever reads may have read enough.
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    }

    /// Prints what programs want to know of something that failed; people are told by [`Self::failure`].
    pub(crate) fn data<T: Serialize>(self, value: &T) {
        if self.json {
            self.result(value, |_| String::new());
        }
    }

    /// Says what is going on, to people only.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            eprintln!("{text}");
        }
    }

    /// Says why it did not work.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            eprintln!("{}", serde_json::json!({"error": failure.to_string()}));
        } else {
            eprintln!("patchbay: {failure}");
        }
    }
}

/// A table with these headings.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// Names and what belongs to them, a line each.
pub(crate) fn pairs<'n>(pairs: impl IntoIterator<Item = (&'n str, String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {}", plain(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text from outside as it may stand on a terminal: on one line, and without what steers one.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}
