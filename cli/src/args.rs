//! The command line.

use crate::commands::{dead_letters, doctor, failed, integration, logs, messages, send, webhook};
use crate::target::{GLOBAL_OPTIONS, Target};
use crate::ui::help::{examples, with_examples};
use clap::{Arg, ArgAction, Parser, Subcommand};
use clap_complete::Shell;

/// Operate Patchbay: connect integrations, send messages, track and replay them, run diagnostics.
#[derive(Debug, Parser)]
#[command(name = "patchbay", version = env!("PATCHBAY_VERSION"), disable_help_flag = true, arg = help_flag())]
#[command(after_help = with_examples(EXIT_CODES, &[
    "patchbay integration add acme --platform genesys-cloud --caller crm",
    "patchbay doctor acme",
    "patchbay send agentless acme --to customer-17 \\\n    --text 'Your parcel has arrived.'",
    "patchbay failed list --since 2d",
]))]
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
    /// Connect a platform account to a messaging service or a channel, change or remove the connection
    #[command(subcommand, after_help = examples(&[
        "patchbay integration add acme --platform genesys-cloud --caller crm",
        "patchbay integration list",
        "patchbay integration rotate acme --secret signing",
    ]))]
    Integration(integration::Command),
    /// Call the API as one of an integration's callers
    #[command(subcommand, after_help = examples(&[
        "patchbay send agentless acme --to customer-17 \\\n    --text 'Your parcel has arrived.'",
        "patchbay send inbound message acme --from customer-17 \\\n    --text 'Where is my parcel?'",
    ]))]
    Send(Box<send::Command>),
    /// Test the webhook
    #[command(subcommand, after_help = examples(&["patchbay webhook test acme --wait"]))]
    Webhook(webhook::Command),
    /// List and show messages by state, with the reason and the next attempt
    #[command(subcommand, after_help = examples(&[
        "patchbay messages list --integration acme",
        "patchbay messages show c327c2078ca056db130c55ce648d9fa2",
    ]))]
    Messages(messages::Command),
    /// Show the log lines of all functions, by time
    Logs(logs::Logs),
    /// List, show and replay messages that were refused or given up
    #[command(subcommand, after_help = examples(&[
        "patchbay failed list --integration acme --since 2d",
        "patchbay failed replay --integration acme --since 2d",
    ]))]
    Failed(failed::Command),
    /// List messages that could not be dispatched, and redrive them
    #[command(subcommand, after_help = examples(&["patchbay dead-letters list", "patchbay dead-letters redrive"]))]
    DeadLetters(dead_letters::Command),
    /// Check everything end to end, and say how to fix what is wrong
    Doctor(doctor::Doctor),
    /// Print the script with which a shell completes commands, options and the names of integrations and callers
    #[command(after_help = examples(&["patchbay completions bash"]))]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Listed among the global options, so that the options of a command are its own.
fn help_flag() -> Arg {
    let flag = Arg::new("help").short('h').long("help").help("Print help");
    flag.action(ArgAction::Help).global(true).help_heading(GLOBAL_OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command as Parsed, CommandFactory};
    use clap_complete::engine::ArgValueCandidates;

    /// The command line parser and all of its subcommands.
    fn every_command(command: &Parsed) -> Vec<&Parsed> {
        let own = command.get_subcommands().filter(|command| command.get_name() != "help");
        std::iter::once(command).chain(own.flat_map(every_command)).collect()
    }

    #[test]
    fn the_help_of_every_command_has_examples_of_it_that_parse() {
        let mut args = CliArgs::command();
        args.build();
        for command in every_command(&args) {
            let name = command.get_bin_name().unwrap_or("patchbay");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) =
                help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name} --help has no examples"));
            assert!(examples.lines().all(|line| line.chars().count() <= 80), "lines of 80 columns: {examples}");
            for example in examples.replace("\\\n", "").lines().map(str::trim) {
                assert!(example.starts_with(name), "an example of {name}: {example}");
                let words = shlex::split(example).unwrap();
                if let Err(error) = CliArgs::try_parse_from(words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_names_of_integrations_are_completed_wherever_one_is_an_argument() {
        let mut args = CliArgs::command();
        args.build();
        let commands = every_command(&args);
        let arguments =
            commands.iter().flat_map(|command| command.get_arguments().map(|one| (command.get_bin_name(), one)));
        let is_integration = |argument: &Arg| ["integration", "integrations"].contains(&argument.get_id().as_str());
        let named: Vec<_> = arguments.filter(|(_, argument)| is_integration(argument)).collect();
        assert!(named.len() > 10, "{named:?}");
        for (command, argument) in named {
            assert!(argument.get::<ArgValueCandidates>().is_some(), "{command:?} {argument}");
        }
    }

    #[test]
    fn commands_with_the_options_of_the_command_line_parse() {
        let words = ["patchbay", "--stack", "staging", "--region", "eu-west-1", "--profile", "my own", "doctor"];
        let options = CliArgs::try_parse_from(words).unwrap().target.options();
        let command = options.complete("`patchbay messages list --status retrying`").replace('`', "");
        let target = CliArgs::try_parse_from(shlex::split(&command).unwrap()).unwrap().target;
        assert_eq!(
            ("staging", Some("eu-west-1"), Some("my own")),
            (target.stack.as_str(), target.region.as_deref(), target.profile.as_deref())
        );
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        CliArgs::command().debug_assert();
    }

    #[test]
    fn the_global_options_are_listed_apart_and_after_the_commands_own() {
        let mut args = CliArgs::command();
        args.build();
        for command in every_command(&args) {
            let help = command.clone().render_long_help().to_string();
            let (own, after) = help.split_once(&format!("{GLOBAL_OPTIONS}:")).unwrap();
            let (global, _) = after.split_once("Examples:").unwrap();
            let listed: Vec<_> = global.split_whitespace().filter(|word| word.starts_with("--")).collect();
            let expected = ["--stack", "--api-url", "--region", "--profile", "--json", "--help"];
            assert!(expected.iter().all(|option| listed.contains(option)), "{help}");
            assert!(!expected.iter().any(|option| own.contains(&format!("      {option}"))), "{help}");
        }
    }
}
