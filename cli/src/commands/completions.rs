//! `patchbay completions`.

use crate::failure::Failure;
use crate::options::Options;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Prints what the shell needs to complete commands and options.
pub(crate) fn write(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "patchbay", &mut script);
    std::io::stdout().write_all(&script).map_err(|error| Failure::Failed(format!("nobody reads them: {error}")))
}
