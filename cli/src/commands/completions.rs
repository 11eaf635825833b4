//! `patchbay completions`.

use crate::error::CliError;
use clap_complete::Shell;
use clap_complete::env::Shells;
use std::io::Write;

/// With this variable the shell asks for the completions of a line.
pub(crate) const VARIABLE: &str = "PATCHBAY_COMPLETE";

pub(crate) fn write(shell: Shell) -> Result<(), CliError> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let shell = shells.completer(&name);
    let shell = shell.ok_or_else(|| CliError::Failed(format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    let written = shell.write_registration(VARIABLE, "patchbay", "patchbay", "patchbay", &mut script);
    let written = written.and_then(|()| std::io::stdout().write_all(&script));
    written.map_err(|error| CliError::Failed(format!("standard output is closed: {error}")))
}
