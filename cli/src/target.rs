//! Options that select the deployed stack.

use clap::Args;
use shared::http_client::OutboundUrl;
use url::Url;

/// Help heading of the options that every command has: with it they are listed after the command's own.
pub(crate) const GLOBAL_OPTIONS: &str = "Global options";

#[derive(Debug, Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub(crate) struct Target {
    /// CloudFormation stack
    #[arg(long, global = true, value_name = "NAME", env = "PATCHBAY_STACK", hide_env_values = true)]
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
    pub(crate) fn default_stack() -> String {
        "patchbay".to_owned()
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
