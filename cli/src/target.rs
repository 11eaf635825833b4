//! Options that select the deployed stack.

use clap::Args;
use shared::http_client::OutboundUrl;
use std::env;
use url::Url;

const STACK_VARIABLE: &str = "PATCHBAY_STACK";

/// Help heading of the options that every command has: with it they are listed after the command's own.
pub(crate) const GLOBAL_OPTIONS: &str = "Global options";

#[derive(Debug, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(crate) struct Target {
    /// CloudFormation stack
    #[arg(long, global = true, value_name = "NAME", env = STACK_VARIABLE, hide_env_values = true)]
    #[arg(default_value_t = Self::default_stack())]
    pub(crate) stack: String,
    /// Base URL of the API [default: the stack's output ApiUrl]
    #[arg(long, global = true, value_name = "URL", env = "API_URL", hide_env_values = true, value_parser = api_url)]
    pub(crate) api_url: Option<Url>,
    /// AWS region [default: that of --profile, or else of the AWS environment]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// AWS profile, used even if the environment has keys
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

impl Target {
    fn default_stack() -> String {
        "patchbay".to_owned()
    }

    /// The stack of a command line without the option.
    pub(crate) fn stack_of_environment() -> String {
        env::var(STACK_VARIABLE).unwrap_or_else(|_| Self::default_stack())
    }

    /// The options of this command line for other commands of the same environment.
    pub(crate) fn options(&self) -> TargetOptions {
        TargetOptions {
            stack: (self.stack != Self::stack_of_environment()).then(|| self.stack.clone()),
            region: self.region.clone(),
            profile: self.profile.clone(),
        }
    }
}

/// The options of this command line that commands need to act on the same stack.
#[derive(Debug)]
pub(crate) struct TargetOptions {
    stack: Option<String>,
    region: Option<String>,
    profile: Option<String>,
}

impl TargetOptions {
    #[cfg(test)]
    pub(crate) const NONE: Self = Self { stack: None, region: None, profile: None };

    /// Adds the options to the commands in a text. They are in backquotes.
    pub(crate) fn complete(&self, text: &str) -> String {
        let Some((before, parts)) = text.split_once('`') else { return text.to_owned() };
        let parts: Vec<_> = parts.split('`').map(|part| self.complete_command(part)).collect();
        format!("{before}`{}", parts.join("`"))
    }

    fn complete_command(&self, command: &str) -> String {
        let Some((program, arguments)) = command.split_once(' ') else { return command.to_owned() };
        let has = |word: &str| arguments.split(' ').any(|argument| argument == word);
        let (stack, region, profile) =
            (("--stack", &self.stack), ("--region", &self.region), ("--profile", &self.profile));
        let options = match program {
            "patchbay" => vec![stack, region, profile],
            // They change the profile.
            "aws" if has("sso") || has("configure") => vec![profile],
            "aws" => vec![region, profile],
            _ => return command.to_owned(),
        };
        let missing = options.into_iter().filter_map(|(option, value)| {
            let value = value.as_ref().filter(|_| !has(option))?;
            Some(format!("{option} {} ", shlex::try_quote(value).unwrap_or_default()))
        });
        format!("{program} {}{arguments}", missing.collect::<String>())
    }
}

/// A base URL that is safe for a caller's token.
fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| url.query().is_none() && is_safe_target(url.clone()));
    url.ok_or_else(|| {
        "must be an https URL (plain http for this machine only), such as the stack's output ApiUrl".to_owned()
    })
}

/// Whether messages and secrets may be sent there. Names below localhost are this machine, like the local stack's.
fn is_safe_target(mut url: Url) -> bool {
    if url.host_str().is_some_and(|host| host.ends_with(".localhost")) && url.set_host(Some("localhost")).is_err() {
        return false;
    }
    url.as_str().parse::<OutboundUrl>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> TargetOptions {
        let text = |text: &str| Some(text.to_owned());
        TargetOptions { stack: text("staging"), region: text("eu-west-1"), profile: text("my own") }
    }

    #[test]
    fn commands_get_the_options_of_the_command_line() {
        for (text, expected) in [
            (
                "see: `patchbay doctor acme`, then `patchbay dead-letters redrive`.",
                "see: `patchbay --stack staging --region eu-west-1 --profile 'my own' doctor acme`, then `patchbay --stack \
                 staging --region eu-west-1 --profile 'my own' dead-letters redrive`.",
            ),
            (
                "`aws logs tail g > f`, `aws sso login`, or `make deploy`",
                "`aws --region eu-west-1 --profile 'my own' logs tail g > f`, `aws --profile 'my own' sso login`, or `make \
                 deploy`",
            ),
            ("`aws x --region here`", "`aws --profile 'my own' x --region here`"),
            ("the option `--stack` of `patchbay`", "the option `--stack` of `patchbay`"),
            (
                "patchbay in eu-west-1: no integration `patchbay-1`",
                "patchbay in eu-west-1: no integration `patchbay-1`",
            ),
        ] {
            assert_eq!(expected, options().complete(text));
            assert_eq!(expected, options().complete(expected), "once");
            assert_eq!(text, TargetOptions::NONE.complete(text));
        }
    }

    #[test]
    fn only_options_that_were_given_are_added() {
        let target = |stack: &str, region: Option<&str>| Target {
            stack: stack.to_owned(),
            api_url: None,
            region: region.map(str::to_owned),
            profile: None,
        };
        let command = "`patchbay doctor`";
        assert_eq!(command, target(&Target::stack_of_environment(), None).options().complete(command));
        let other = target("other", Some("eu-west-1")).options();
        assert_eq!("`patchbay --stack other --region eu-west-1 doctor`", other.complete(command));
    }

    #[test]
    fn the_api_url_is_https_or_on_this_machine() {
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
}
