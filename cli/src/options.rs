//! What may stand on the command line.

use crate::commands::{dead_letters, doctor, failed, integration, messages, send, webhook};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use shared::outbound::OutboundUrl;
use url::Url;

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

/// Above the options that every command has. Under a heading they stand after the command's own.
const EVERYWHERE: &str = "Which Patchbay, and how to print";

const EXIT_CODES: &str =
    "Exit codes: 0 done; 1 it did not work, or was refused; 2 wrong usage; 3 the doctor has found faults.";

/// Which Patchbay.
#[derive(Debug, Args)]
#[command(next_help_heading = EVERYWHERE)]
pub(crate) struct Target {
    /// The CloudFormation stack, whose outputs tell the rest
    #[arg(long, global = true, env = "PATCHBAY_STACK", default_value = "patchbay")]
    pub(crate) stack: String,
    /// Where the routes are; the stack's output ApiUrl unless given
    #[arg(long, global = true, env = "API_URL", value_parser = api_url)]
    pub(crate) api_url: Option<Url>,
    /// The AWS region; the profile's if one is given, or else that of the AWS environment
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// The AWS profile to take the credentials from, whatever keys are in the environment; that of the AWS environment
    /// unless given
    #[arg(long, global = true)]
    pub(crate) profile: Option<String>,
}

/// An address at which the routes can be: one that a caller's token may be sent to.
fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.query().is_none() && may_be_called(url.clone()));
    url.ok_or_else(|| {
        "must be an https URL (plain http for this machine only), such as the stack's output ApiUrl".to_owned()
    })
}

/// Whether messages and secrets may go there. Names under localhost are this machine, too, as the local stack's are.
fn may_be_called(mut url: Url) -> bool {
    if url.host_str().is_some_and(|host| host.ends_with(".localhost")) && url.set_host(Some("localhost")).is_err() {
        return false;
    }
    url.as_str().parse::<OutboundUrl>().is_ok()
}

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
    fn the_api_is_at_an_https_url_or_on_this_machine() {
        for good in [
            "https://a.execute-api.eu-central-1.amazonaws.com",
            "https://hooks.example.com/live/",
            "http://127.0.0.1:4566/_aws/execute-api/a/$default",
            "http://a.execute-api.localhost:4566",
            "http://localhost",
        ] {
            assert_eq!(good.parse::<Url>().ok(), api_url(good).ok(), "{good}");
        }
        for bad in [
            "",
            "a.execute-api.eu-central-1.amazonaws.com",
            "localhost:1",
            "http://example.com",
            "http://a.localhost.example.com",
            "https://user:password@example.com",
            "https://example.com/?a=b",
            "ftp://localhost",
        ] {
            assert!(api_url(bad).unwrap_err().contains("must be an https URL"), "{bad}");
        }
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
