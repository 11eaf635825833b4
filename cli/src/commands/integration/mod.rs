//! `patchbay integration`: connects a platform's account to a messaging service, and changes or ends that.
//!
//! An integration is one JSON document in Secrets Manager, which the functions read. Every command reads it, makes of
//! it what it is to be, checks that with the functions' own reader, and only then changes anything.

mod add;
mod credentials;
mod document;
mod generate;
mod genesys_cloud;
mod given;
mod list;
mod mask;
mod remove;
mod rotate;
mod secrets;
mod show;
mod sound;
mod steps;

use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
use clap::Subcommand;

// Where a command has more to say for --help, its options say all of it: what stood here would take its place.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Box<add::Add>),
    /// List them
    List,
    /// Show one
    Show(show::Show),
    Rotate(rotate::Rotate),
    Remove(remove::Remove),
    Restore(remove::Restore),
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    match command {
        Command::Add(add) => add::run(*add, stack, output).await,
        Command::List => list::run(stack, output).await,
        Command::Show(show) => show::run(show, stack, output).await,
        Command::Rotate(rotate) => rotate::run(rotate, stack, output).await,
        Command::Remove(remove) => remove::run(remove, stack, output).await,
        Command::Restore(restore) => remove::restore(restore, stack, output).await,
    }
}
