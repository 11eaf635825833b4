//! Text for people or JSON for programs. Results go to standard output, everything else to standard error.

use super::style::{ERROR, paint};
use crate::error::CliError;
use crate::target::TargetOptions;
use jiff::Timestamp;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    /// For the commands in texts for people.
    options: &'static TargetOptions,
}

impl Output {
    pub(crate) fn new(json: bool, options: &'static TargetOptions) -> Self {
        Self { json, options }
    }

    /// The commands in a text, with the options of this command line. Only what is for people gets them by itself.
    pub(crate) fn complete_commands(self, text: &str) -> String {
        self.options.complete(text)
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result: `value` as JSON, or the text that `human` makes of it.
    pub(crate) fn result<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) {
        let text = match self.json {
            true => serde_json::to_string_pretty(value).unwrap_or_default(),
            false => self.complete_commands(&human(value)),
        };
        to_stdout(text.trim_end());
    }

    /// Prints a part of a result as soon as it is known, to people only: programs get the whole.
    pub(crate) fn part(self, text: &str) {
        if !self.json {
            to_stdout(&self.complete_commands(text));
        }
    }

    /// Prints one of many results, on a line of its own, if `human` makes a text of it. The error says that the reader has
    /// closed the pipe.
    pub(crate) fn line<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> Option<String>) -> io::Result<()> {
        let text = if self.json { serde_json::to_string(value).ok() } else { human(value) };
        text.map_or(Ok(()), |text| writeln!(anstream::stdout(), "{text}"))
    }

    /// Prints the details of a failure, as JSON only; for people [`Self::error`] is enough.
    pub(crate) fn data<T: Serialize>(self, value: &T) {
        if self.json {
            self.result(value, |_| String::new());
        }
    }

    /// Reports progress, to people only.
    pub(crate) fn progress(self, text: &str) {
        if !self.json {
            self.notice(text);
        }
    }

    /// Tells people something that they have to do, also if a program reads the result.
    pub(crate) fn notice(self, text: &str) {
        to_stderr(&self.complete_commands(text));
    }

    pub(crate) fn error(self, error: &CliError) {
        let error = self.complete_commands(&error.to_string());
        if self.json {
            to_stderr(&serde_json::json!({ "error": error }).to_string());
        } else {
            to_stderr(&format!("{} {error}", paint(ERROR, "error:")));
        }
    }
}

/// The reader may have closed the pipe.
fn to_stdout(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// If standard error is closed, the exit code still reports the failure.
fn to_stderr(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A line for each name and value, sanitized.
pub(crate) fn key_values<N: AsRef<str>>(pairs: impl IntoIterator<Item = (N, String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| (sanitize(name.as_ref()), sanitize(&value))).collect();
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A customer's group in a table: enough digits to tell groups apart.
pub(crate) fn short_group(group: &str) -> String {
    group.chars().take(12).collect()
}

/// A time in whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Makes a text from outside safe for a terminal: one line, without control characters.
pub(crate) fn sanitize(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_never_printed_to_a_terminal() {
        let text = || "a\u{1b}[2Jb\nc".to_owned();
        assert_eq!("a\u{fffd}[2Jb\u{fffd}c  a\u{fffd}[2Jb\u{fffd}c", key_values([(text(), text())]));
    }
}
