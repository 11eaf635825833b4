//! `patchbay integration`: connects a platform account to a messaging service, changes or removes the connection.
//!
//! An integration is one JSON document in Secrets Manager, which the functions read. Every command that changes it
//! reads the document, derives the new one, validates that with the functions' own parser, and only then writes.

mod add;
mod authorize;
mod credential_reuse;
mod document;
mod generate;
mod genesys_cloud;
mod list;
mod mask;
mod progress;
mod remove;
mod rotate;
mod secret_input;
mod secret_lint;
mod secret_store;
mod show;

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::Output;
use clap::Subcommand;

// A doc comment here would replace the longer help text on a command's arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Box<add::Add>),
    Authorize(authorize::Authorize),
    /// List the integrations
    #[command(after_help = examples(&["patchbay integration list", "patchbay integration list --json"]))]
    List,
    /// Show an integration
    Show(show::Show),
    Rotate(rotate::Rotate),
    Remove(remove::Remove),
    Restore(remove::Restore),
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    match command {
        Command::Add(add) => add::run(*add, stack, output).await,
        Command::Authorize(authorize) => authorize::run(authorize, stack, output).await,
        Command::List => list::run(stack, output).await,
        Command::Show(show) => show::run(show, stack, output).await,
        Command::Rotate(rotate) => rotate::run(rotate, stack, output).await,
        Command::Remove(remove) => remove::run(remove, stack, output).await,
        Command::Restore(restore) => remove::restore(restore, stack, output).await,
    }
}
