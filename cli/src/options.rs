//! What may stand on the command line.

use crate::commands::{dead_letters, doctor, failed, integration, messages, send, webhook};
use crate::target::{EVERYWHERE, Target};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Runs Patchbay: connects integrations, sends, looks, repairs and examines.
#[derive(Debug, Parser)]
#[command(name = "patchbay", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Print JSON, for programs
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 done; 1 it did not work, or was refused; 2 wrong usage; 3 the doctor has found faults.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect a platform's account to a messaging service, and change or end that
    #[command(subcommand)]
    Integration(integration::Command),
    /// Call the sender routes, as a caller of an integration
    #[command(subcommand)]
    Send(Box<send::Command>),
    /// Try the webhook
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Look at what became of messages
    #[command(subcommand)]
    Messages(messages::Command),
    /// List, show and replay messages that were refused or given up
    #[command(subcommand)]
    Failed(failed::Command),
    /// Look at what could not be dispatched at all, and put it back
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Examine everything from end to end, and say what to do about what is wrong
    Doctor(doctor::Doctor),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_help_says_all_there_is_to_say_of_a_command_and_what_all_have_comes_last() {
        for (command, own, said) in [
            ("add", "--show-secrets", "goes on where it was interrupted"),
            ("rotate", "--no-platform", "resumes a rotation that was interrupted"),
            ("remove", "--yes", "until the recovery window is over"),
            ("restore", "<NAME>", "stays ended"),
        ] {
            let mut options = Options::command();
            options.build();
            let integration = options.find_subcommand_mut("integration").unwrap();
            let help = integration.find_subcommand_mut(command).unwrap().render_long_help().to_string();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let (before, after) = help.split_once(&format!("{EVERYWHERE}:")).unwrap();
            assert!(before.contains(own) && before.contains(said), "{help}");
            assert!(after.contains("--stack") && after.contains("--json") && !after.contains(own), "{help}");
        }
    }
}
