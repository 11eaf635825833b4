//! `patchbay completions`.

use crate::error::CliError;
use clap::Command;
use clap_complete::Shell;
use std::io::Write;

pub(crate) fn write(shell: Shell, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "patchbay", &mut script);
    std::io::stdout()
        .write_all(&script)
        .map_err(|error| CliError::Failed(format!("standard output is closed: {error}")))
}
