//! Secrets that are given: in a file, on standard input, in an environment variable or at a prompt, but never on the
//! command line, where everybody on the machine could read them. This is where all of them come in, and where each is
//! looked at, so that none is stored with what a hasty copy has put around it.

use super::document::Document;
use super::{mask, sound};
use crate::failure::Failure;
use crate::{ask, file};
use std::cell::Cell;
use std::env::VarError;
use std::path::Path;

/// The largest file that is read.
const MAXIMUM_BYTES: u64 = 64 * 1024;

/// Where secrets are given. Standard input can be read once.
#[derive(Default)]
pub(super) struct Given {
    stdin_is_read: Cell<bool>,
}

impl Given {
    /// The secret in the file, if one is named, or else in the environment variable.
    pub(super) fn secret(&self, file: Option<&Path>, variable: &str) -> Result<Option<String>, Failure> {
        match file {
            Some(file) => self.secret_in(file).map(Some),
            None => environment(variable),
        }
    }

    /// The secret in a file.
    pub(super) fn secret_in(&self, file: &Path) -> Result<String, Failure> {
        let (text, called) = (self.file(file)?, file::called(file));
        bare(&text, &called)?.ok_or_else(|| Failure::Usage(format!("{called} holds no secret")))
    }

    /// The configuration in a file, or for `-` on standard input, with whatever secrets it has.
    pub(super) fn document(&self, path: &Path) -> Result<Document, Failure> {
        let (text, called) = (self.file(path)?, file::called(path));
        let document = Document::parse(&text);
        let document = document.ok_or_else(|| Failure::Usage(format!("{called} holds no JSON object")))?;
        let secrets = mask::secrets(document.value()).into_iter();
        // A text without anything in it is a fault that the functions' own reader finds, with all the others.
        let secrets = secrets.filter(|(_, secret)| !secret.is_empty());
        let faults =
            secrets.filter_map(|(pointer, secret)| Some(format!("\n  {pointer} {}", sound::check(secret).err()?)));
        let faults: Vec<_> = faults.collect();
        match faults.is_empty() {
            true => Ok(document),
            false => Err(Failure::Usage(format!("{called} holds what cannot be a secret:{}", faults.concat()))),
        }
    }

    /// What is in a file, or for `-` on standard input.
    fn file(&self, path: &Path) -> Result<String, Failure> {
        if path == Path::new("-") && self.stdin_is_read.replace(true) {
            return Err(Failure::Usage("only one thing can be read from standard input".to_owned()));
        }
        let text = String::from_utf8(file::read_at_most(MAXIMUM_BYTES, path)?);
        text.map_err(|_| Failure::Usage(format!("{} holds no text", file::called(path))))
    }
}

/// The secret in an environment variable.
pub(super) fn environment(variable: &str) -> Result<Option<String>, Failure> {
    match std::env::var(variable) {
        Ok(text) => bare(&text, variable),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{variable} holds no text"))),
    }
}

/// The secret that somebody types, until nothing is wrong with it. `check` says what is, and must not repeat it.
pub(super) fn asked(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, Failure> {
    ask::secret(prompt, |answer| sound::check(answer).and_then(|()| check(answer)))
}

/// A secret without the end of its line; nothing, if nothing is left.
fn bare(text: &str, called: &str) -> Result<Option<String>, Failure> {
    match text.trim_end_matches(['\r', '\n']) {
        "" => Ok(None),
        secret => match sound::check(secret) {
            Ok(()) => Ok(Some(secret.to_owned())),
            Err(fault) => Err(Failure::Usage(format!("the secret in {called} {fault}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that no environment has.
    const NOTHING: &str = "PATCHBAY_OF_THE_TESTS";

    #[test]
    fn a_secret_is_what_the_file_holds_without_the_end_of_its_line() {
        let file = std::env::temp_dir().join(format!("patchbay-{}-secret", std::process::id()));
        std::fs::write(&file, "hid den\r\n").unwrap();
        assert_eq!(Some("hid den"), Given::default().secret(Some(&file), NOTHING).unwrap().as_deref());
        for no_secret in ["\n".to_owned(), "s".repeat(65_537), " hidden\n".to_owned(), "hidden\nhidden\n".to_owned()] {
            std::fs::write(&file, no_secret).unwrap();
            assert!(Given::default().secret(Some(&file), NOTHING).is_err());
        }
        std::fs::remove_file(&file).unwrap();
        assert!(Given::default().secret(Some(&file), NOTHING).is_err());
        assert_eq!(None, Given::default().secret(None, NOTHING).unwrap());
    }

    #[test]
    fn a_fault_names_where_the_secret_came_from_and_not_the_secret() {
        let said = bare(" hidden", "app-secret").unwrap_err().to_string();
        assert_eq!("the secret in app-secret must not begin or end with white space", said);
    }

    #[test]
    fn standard_input_is_read_once() {
        let given = Given { stdin_is_read: Cell::new(true) };
        assert!(given.file(Path::new("-")).unwrap_err().to_string().contains("only one"));
    }
}
