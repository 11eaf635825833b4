//! `patchbay messages`.

mod kept_text;
mod list;
mod log_search;
mod show;
mod shown;

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
use clap::Subcommand;
use list::List;
use show::Show;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List messages by state, with the reason and the next attempt
    List(List),
    /// Show what the ledger and the log know of a message, a conversation's messages, a receipt or a request
    Show(Show),
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    match command {
        Command::List(list) => list.run(stack, output).await,
        Command::Show(show) => show.run(stack, output).await,
    }
}
