//! The command line.

use crate::commands::{dead_letters, doctor, failed, integration, logs, messages, send, webhook};
use crate::target::{GLOBAL_OPTIONS, Target};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Operate Patchbay: connect integrations, send messages, track and replay them, run diagnostics.
#[derive(Debug, Parser)]
#[command(name = "patchbay", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct CliArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Print JSON instead of text
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 success; 1 failed or refused; 2 invalid usage; 3 the doctor found faults.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect a platform account to a messaging service, change or remove the connection
    #[command(subcommand)]
    Integration(integration::Command),
    /// Call the API as one of an integration's callers
    #[command(subcommand)]
    Send(Box<send::Command>),
    /// Test the webhook
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Show the status of messages
    #[command(subcommand)]
    Messages(messages::Command),
    /// Show the log lines of all functions, by time
    Logs(logs::Logs),
    /// List, show and replay messages that were refused or given up
    #[command(subcommand)]
    Failed(failed::Command),
    /// List messages that could not be dispatched, and redrive them
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Check everything end to end, and say how to fix what is wrong
    Doctor(doctor::Doctor),
    /// Print shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        CliArgs::command().debug_assert();
    }

    #[test]
    fn the_long_help_lists_global_options_after_the_commands_own() {
        for (command, own, text) in [
            ("add", "--show-secrets", "Run again, it resumes an interrupted run"),
            ("rotate", "--no-platform", "resumes an interrupted rotation"),
            ("remove", "--yes", "until its recovery window ends"),
            ("restore", "<NAME>", "stays deleted"),
        ] {
            let mut args = CliArgs::command();
            args.build();
            let integration = args.find_subcommand_mut("integration").unwrap();
            let help = integration.find_subcommand_mut(command).unwrap().render_long_help().to_string();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let (before, after) = help.split_once(&format!("{GLOBAL_OPTIONS}:")).unwrap();
            assert!(before.contains(own) && before.contains(text), "{help}");
            assert!(after.contains("--stack") && after.contains("--json") && !after.contains(own), "{help}");
        }
    }
}
