//! `patchbay`: connects integrations, sends, looks, repairs and examines, on AWS and on the local stack alike.

mod answer;
mod ask;
mod aws_error;
mod caller;
mod clock;
mod commands;
mod endpoint;
mod failure;
mod fate;
mod file;
mod integrations;
mod log_groups;
mod options;
mod output;
mod probe;
mod profile;
mod sqs;
mod stack;
mod target;
mod trial;
mod webhook_address;

use clap::{CommandFactory, Parser};
use failure::Failure;
use options::{Command, Options};
use output::Output;
use stack::Stack;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.json);
    match run(options, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let Options { target, command, .. } = options;
    if let Command::Completions { shell } = command {
        return commands::completions::write(shell, Options::command());
    }
    let stack = Stack::new(target).await?;
    match command {
        Command::Integration(command) => commands::integration::run(command, &stack, output).await,
        Command::Send(command) => commands::send::run(*command, &stack, output).await,
        Command::Webhook(command) => commands::webhook::run(command, &stack, output).await,
        Command::Messages(command) => commands::messages::run(command, &stack, output).await,
        Command::Failed(command) => commands::failed::run(command, &stack, output).await,
        Command::DeadLetters(command) => commands::dead_letters::run(command, &stack, output).await,
        Command::Doctor(doctor) => commands::doctor::run(doctor, &stack, output).await,
        Command::Completions { .. } => Ok(()),
    }
}
