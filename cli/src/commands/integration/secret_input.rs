//! Reads secrets from a file, standard input, an environment variable or a prompt, but never from the command line,
//! which every process on the machine can read. All secrets are read and checked here.

use super::document::Document;
use super::{mask, secret_lint};
use crate::error::CliError;
use crate::ui::{input, prompt};
use std::cell::Cell;
use std::env::VarError;
use std::path::Path;

const MAX_BYTES: u64 = 64 * 1024;

/// Standard input can be read only once.
#[derive(Default)]
pub(super) struct SecretInput {
    stdin_is_read: Cell<bool>,
}

impl SecretInput {
    /// The secret in the file if one is named, or else in the environment variable.
    pub(super) fn secret(&self, file: Option<&Path>, variable: &str) -> Result<Option<String>, CliError> {
        match file {
            Some(file) => self.secret_in(file).map(Some),
            None => environment(variable),
        }
    }

    pub(super) fn secret_in(&self, file: &Path) -> Result<String, CliError> {
        let (text, called) = (self.file(file)?, input::display_name(file));
        parse_secret(&text, &called)?.ok_or_else(|| CliError::Usage(format!("{called} contains no secret")))
    }

    /// The configuration in a file, with its secrets checked.
    pub(super) fn document(&self, path: &Path) -> Result<Document, CliError> {
        let (text, called) = (self.file(path)?, input::display_name(path));
        let document = Document::parse(&text);
        let document = document.ok_or_else(|| CliError::Usage(format!("{called} is not a JSON object")))?;
        let secrets = mask::secrets(document.value()).into_iter();
        // The functions' parser reports empty texts, together with all other errors.
        let secrets = secrets.filter(|(_, secret)| !secret.is_empty());
        let faults = secrets
            .filter_map(|(pointer, secret)| Some(format!("\n  {pointer} {}", secret_lint::check(secret).err()?)));
        let faults: Vec<_> = faults.collect();
        match faults.is_empty() {
            true => Ok(document),
            false => Err(CliError::Usage(format!("{called} contains invalid secrets:{}", faults.concat()))),
        }
    }

    fn file(&self, path: &Path) -> Result<String, CliError> {
        if path == Path::new("-") && self.stdin_is_read.replace(true) {
            return Err(CliError::Usage("only one option can read standard input".to_owned()));
        }
        let text = String::from_utf8(input::read_limited(MAX_BYTES, path)?);
        text.map_err(|_| CliError::Usage(format!("{} is not UTF-8 text", input::display_name(path))))
    }
}

pub(super) fn environment(variable: &str) -> Result<Option<String>, CliError> {
    match std::env::var(variable) {
        Ok(text) => parse_secret(&text, variable),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(CliError::Usage(format!("{variable} is not UTF-8 text"))),
    }
}

/// Prompts for a secret until it is valid. The error of `check` must not repeat the secret.
pub(super) fn prompt_secret(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, CliError> {
    prompt::secret(prompt, |answer| secret_lint::check(answer).and_then(|()| check(answer)))
}

/// Removes the line ending, and checks the secret; `None` if it is empty.
fn parse_secret(text: &str, called: &str) -> Result<Option<String>, CliError> {
    match text.trim_end_matches(['\r', '\n']) {
        "" => Ok(None),
        secret => match secret_lint::check(secret) {
            Ok(()) => Ok(Some(secret.to_owned())),
            Err(fault) => Err(CliError::Usage(format!("the secret in {called} {fault}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSET_VARIABLE: &str = "PATCHBAY_UNIT_TEST_UNSET";

    #[test]
    fn a_secret_in_a_file_has_its_line_ending_removed() {
        let file = std::env::temp_dir().join(format!("patchbay-{}-secret", std::process::id()));
        std::fs::write(&file, "hid den\r\n").unwrap();
        assert_eq!(Some("hid den"), SecretInput::default().secret(Some(&file), UNSET_VARIABLE).unwrap().as_deref());
        for no_secret in ["\n".to_owned(), "s".repeat(65_537), " hidden\n".to_owned(), "hidden\nhidden\n".to_owned()] {
            std::fs::write(&file, no_secret).unwrap();
            assert!(SecretInput::default().secret(Some(&file), UNSET_VARIABLE).is_err());
        }
        std::fs::remove_file(&file).unwrap();
        assert!(SecretInput::default().secret(Some(&file), UNSET_VARIABLE).is_err());
        assert_eq!(None, SecretInput::default().secret(None, UNSET_VARIABLE).unwrap());
    }

    #[test]
    fn an_error_names_the_source_of_the_secret_and_not_the_secret() {
        let said = parse_secret(" hidden", "app-secret").unwrap_err().to_string();
        assert_eq!("the secret in app-secret must not begin or end with white space", said);
    }

    #[test]
    fn standard_input_is_read_once() {
        let given = SecretInput { stdin_is_read: Cell::new(true) };
        assert!(given.file(Path::new("-")).unwrap_err().to_string().contains("only one"));
    }
}
