//! Questions to whoever sits at the terminal. They go to standard error.

use crate::failure::Failure;
use dialoguer::{Confirm, Input, Password};
use std::io::{IsTerminal, stderr, stdin};

/// Whether somebody is there who can be asked.
pub(crate) fn can_be_asked() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks for a text, again and again until nothing is wrong with it: `check` says what is. What surrounds it does not count.
pub(crate) fn text(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, Failure> {
    let input = Input::new().with_prompt(prompt).allow_empty(true);
    let answer: String =
        input.validate_with(|answer: &String| check(answer.trim())).interact_text().map_err(unanswered)?;
    Ok(answer.trim().to_owned())
}

/// Asks for a secret, which does not show, again and again until nothing is wrong with it. What `check` says is shown, and
/// must not repeat it.
pub(crate) fn secret(prompt: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<String, Failure> {
    let password = Password::new().with_prompt(prompt).report(false).allow_empty_password(true);
    password.validate_with(|answer: &String| check(answer)).interact().map_err(unanswered)
}

/// Asks whether to go on, unless `--yes` has said so.
pub(crate) fn confirmed(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_be_asked() {
        return Err(Failure::Usage(format!("{question} Say --yes to go on.")));
    }
    match Confirm::new().with_prompt(question).default(false).interact().map_err(unanswered)? {
        true => Ok(()),
        false => Err(Failure::Failed("nothing was changed".to_owned())),
    }
}

/// Asks for the name of what is to be ended, unless `--yes` has said so.
pub(crate) fn confirmed_by_name(question: &str, name: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_be_asked() {
        return Err(Failure::Usage(format!("{question} Say --yes to go on.")));
    }
    match text(&format!("{question} Type its name to go on"), |_| Ok(()))? == name {
        true => Ok(()),
        false => Err(Failure::Failed("that is not its name; nothing was changed".to_owned())),
    }
}

fn unanswered(_: dialoguer::Error) -> Failure {
    Failure::Failed("the question was not answered; nothing was changed".to_owned())
}
