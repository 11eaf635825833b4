//! Which Patchbay a command is about.

use clap::Args;
use shared::http_client::OutboundUrl;
use url::Url;

/// Above the options that every command has. Under a heading they stand after the command's own.
pub(crate) const EVERYWHERE: &str = "Which Patchbay, and how to print";

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
