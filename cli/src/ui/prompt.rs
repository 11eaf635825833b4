//! Interactive prompts. They are written to standard error.

use crate::error::CliError;
use dialoguer::{Confirm, Input, Password};
use std::io::{IsTerminal, stderr, stdin};

pub(crate) fn is_interactive() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Prompts for a text until `check` accepts it. Surrounding white space is removed.
pub(crate) fn text(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, CliError> {
    let input = Input::new().with_prompt(prompt).allow_empty(true);
    let answer: String =
        input.validate_with(|answer: &String| check(answer.trim())).interact_text().map_err(no_answer)?;
    Ok(answer.trim().to_owned())
}

/// Prompts for a text; an empty answer is the default.
pub(crate) fn text_with_default(prompt: &str, default: &str) -> Result<String, CliError> {
    let input = Input::new().with_prompt(prompt).default(default.to_owned());
    let answer: String = input.interact_text().map_err(no_answer)?;
    Ok(answer.trim().to_owned())
}

/// Prompts for one of these words; an empty answer is the first.
pub(crate) fn one_of<T: Copy>(prompt: &str, words: &[(&str, T)]) -> Result<T, CliError> {
    let value = |answer: &str| words.iter().find(|(word, _)| *word == answer).map(|(_, value)| *value);
    let default = words.first().map_or("", |(word, _)| word);
    let input = Input::new().with_prompt(prompt).default(default.to_owned());
    let check = |answer: &String| value(answer.trim()).map(drop).ok_or("must be one of these words");
    let answer: String = input.validate_with(check).interact_text().map_err(no_answer)?;
    value(answer.trim()).ok_or_else(|| CliError::Failed("the question was not answered".to_owned()))
}

/// Prompts for a secret without echo until `check` accepts it. The error of `check` is shown and must not repeat the
/// secret.
pub(crate) fn secret(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, CliError> {
    let password = Password::new().with_prompt(prompt).report(false).allow_empty_password(true);
    password.validate_with(|answer: &String| check(answer)).interact().map_err(no_answer)
}

/// Asks for confirmation, unless `--yes` gave it.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !is_interactive() {
        return Err(CliError::Usage(format!("{question} Pass --yes to continue.")));
    }
    match agrees(question, false)? {
        true => Ok(()),
        false => Err(CliError::Failed("nothing was changed".to_owned())),
    }
}

/// Asks whether to do something, unless `--yes` said so. Without a terminal it is not done.
pub(crate) fn agrees(question: &str, yes: bool) -> Result<bool, CliError> {
    match (yes, is_interactive()) {
        (true, _) => Ok(true),
        (false, false) => Ok(false),
        (false, true) => Confirm::new().with_prompt(question).default(false).interact().map_err(no_answer),
    }
}

/// Asks the user to type the name of what is to be removed, unless `--yes` confirmed it.
pub(crate) fn confirm_by_name(question: &str, name: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !is_interactive() {
        return Err(CliError::Usage(format!("{question} Pass --yes to continue.")));
    }
    match text(&format!("{question} Type its name to continue"), |_| Ok(()))? == name {
        true => Ok(()),
        false => Err(CliError::Failed("the name does not match; nothing was changed".to_owned())),
    }
}

fn no_answer(_: dialoguer::Error) -> CliError {
    CliError::Failed("the question was not answered; nothing was changed".to_owned())
}
