//! `patchbay`: the operator's command, for stacks on AWS and for the local stack.

mod api;
mod args;
mod aws;
mod commands;
mod error;
mod status;
mod target;
mod ui;

use args::{CliArgs, Command};
use aws::stack::Stack;
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use error::CliError;
use std::process::ExitCode;
use ui::output::Output;

fn main() -> ExitCode {
    let shell = CompleteEnv::with_factory(CliArgs::command).var(commands::completions::VARIABLE);
    match shell.try_complete(std::env::args_os(), None) {
        Ok(false) => run_command(),
        // A shell shows an error in the middle of the line.
        Ok(true) | Err(_) => ExitCode::SUCCESS,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run_command() -> ExitCode {
    let args = CliArgs::parse();
    // As long as the process.
    let output = Output::new(args.json, Box::leak(Box::new(args.target.options())));
    match run(args, output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

async fn run(args: CliArgs, output: Output) -> Result<(), CliError> {
    let CliArgs { target, command, .. } = args;
    if let Command::Completions { shell } = command {
        return commands::completions::write(shell);
    }
    let stack = Stack::new(target).await?;
    match command {
        Command::Integration(command) => commands::integration::run(command, &stack, output).await,
        Command::Send(command) => commands::send::run(*command, &stack, output).await,
        Command::Webhook(command) => commands::webhook::run(command, &stack, output).await,
        Command::Messages(command) => commands::messages::run(command, &stack, output).await,
        Command::Logs(logs) => commands::logs::run(logs, &stack, output).await,
        Command::Failed(command) => commands::failed::run(command, &stack, output).await,
        Command::DeadLetters(command) => commands::dead_letters::run(command, &stack, output).await,
        Command::Doctor(doctor) => commands::doctor::run(doctor, &stack, output).await,
        Command::Completions { .. } => Ok(()),
    }
}
