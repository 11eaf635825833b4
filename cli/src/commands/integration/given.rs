//! Secrets that are given: in a file, on standard input, or in an environment variable, but never on the command line,
//! where everybody on the machine could read them.

use crate::failure::Failure;
use crate::file;
use std::cell::Cell;
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
            None => Ok(environment(variable)),
        }
    }

    /// The secret in a file.
    pub(super) fn secret_in(&self, file: &Path) -> Result<String, Failure> {
        let secret = bare(&self.file(file)?);
        secret.ok_or_else(|| Failure::Usage(format!("{} holds no secret", file.display())))
    }

    /// What is in a file, or for `-` on standard input.
    pub(super) fn file(&self, path: &Path) -> Result<String, Failure> {
        if path == Path::new("-") && self.stdin_is_read.replace(true) {
            return Err(Failure::Usage("only one thing can be read from standard input".to_owned()));
        }
        let text = String::from_utf8(file::read_at_most(MAXIMUM_BYTES, path)?);
        text.map_err(|_| Failure::Usage(format!("{} holds no text", path.display())))
    }
}

/// The secret in an environment variable.
pub(super) fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().as_deref().and_then(bare)
}

/// A secret without the end of its line.
fn bare(text: &str) -> Option<String> {
    Some(text.trim_end_matches(['\r', '\n'])).filter(|text| !text.is_empty()).map(str::to_owned)
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
        for no_secret in ["\n".to_owned(), "s".repeat(65_537)] {
            std::fs::write(&file, no_secret).unwrap();
            assert!(Given::default().secret(Some(&file), NOTHING).is_err());
        }
        std::fs::remove_file(&file).unwrap();
        assert!(Given::default().secret(Some(&file), NOTHING).is_err());
        assert_eq!(None, Given::default().secret(None, NOTHING).unwrap());
    }

    #[test]
    fn standard_input_is_read_once() {
        let given = Given { stdin_is_read: Cell::new(true) };
        assert!(given.file(Path::new("-")).unwrap_err().to_string().contains("only one"));
    }
}
