//! `patchbay completions`.

use crate::failure::Failure;
use clap::Command;
use clap_complete::Shell;
use std::io::Write;

/// Prints what the shell needs to complete the commands and options of `command`.
pub(crate) fn write(shell: Shell, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "patchbay", &mut script);
    std::io::stdout().write_all(&script).map_err(|error| Failure::Failed(format!("nobody reads them: {error}")))
}
