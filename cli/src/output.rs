//! What is printed: tables for people, JSON for programs. Results go to standard output, everything else to standard error.

use crate::failure::Failure;
use comfy_table::{Table, TableStyle};
use serde::Serialize;
use std::io::{self, Write};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether it is for programs.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result: `value` for programs, or what `human` makes of it for people.
    pub(crate) fn result<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) {
        let text = if self.json { serde_json::to_string_pretty(value).unwrap_or_default() } else { human(value) };
        // Whoever reads may have read enough.
        let _ = writeln!(io::stdout(), "{}", text.trim_end());
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
            to_stderr(text);
        }
    }

    /// Says why it did not work.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            to_stderr(&serde_json::json!({"error": failure.to_string()}).to_string());
        } else {
            to_stderr(&format!("patchbay: {failure}"));
        }
    }
}

/// Nobody may be there to read it: then the exit code still tells.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A table with these headings; its cells are made [`plain`].
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(headings);
    for row in rows {
        table.add_row(row.map(|cell| plain(&cell)));
    }
    table.trim_fmt()
}

/// Names and what belongs to them, a line each and made [`plain`].
pub(crate) fn pairs<N: AsRef<str>>(pairs: impl IntoIterator<Item = (N, String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| (plain(name.as_ref()), plain(&value))).collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text from outside as it may stand on a terminal: on one line, and without what steers one.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_never_printed_for_people() {
        let text = || "a\u{1b}[2Jb\nc".to_owned();
        for printed in [pairs([(text(), text())]), table(["NAME"], [[text()]])] {
            assert!(printed.contains("a\u{fffd}[2Jb\u{fffd}c") && !printed.contains('\u{1b}'), "{printed:?}");
        }
    }
}
