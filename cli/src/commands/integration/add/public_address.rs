//! The address at which a channel's provider reaches the API.

use super::super::progress::Progress;
use crate::api::channel;
use crate::api::probe::{PROBE_INTEGRATION, ProbeResponse};
use crate::aws::stack::Stack;
use crate::error::CliError;
use shared::model::integration_name::IntegrationName;

/// Requires that a Patchbay answers at the public URL: what customers write, and the webhook's secret, are sent there.
///
/// It is asked for another integration than this one, because functions would remember how they found this one.
pub(super) async fn require_patchbay(public_url: &str, stack: &Stack, progress: &mut Progress) -> Result<(), CliError> {
    let address =
        PROBE_INTEGRATION.parse::<IntegrationName>().ok().and_then(|name| channel::address(public_url, &name));
    let address = address.ok_or_else(|| CliError::Failed("the public URL is invalid".to_owned()))?;
    match channel::probe(&stack.http_client()?, &address).await {
        ProbeResponse::Problem { .. } => {
            progress.done(format!("a Patchbay answers at {public_url}"));
            Ok(())
        }
        other => Err(CliError::Failed(describe(public_url, &other))),
    }
}

fn describe(public_url: &str, answer: &ProbeResponse) -> String {
    let advice = match answer {
        ProbeResponse::NoRoute => {
            "deploy this version (`make deploy`), or correct the custom domain's mapping or --public-url"
        }
        ProbeResponse::Other { status: 300..=399, .. } => "providers follow no redirects: correct --public-url",
        _ => "correct --public-url, or what is in front of the API",
    };
    format!(
        "no Patchbay answers at the public URL {public_url}: {}. Nothing was written, because what customers write and the \
         webhook's secret would be sent there; {advice}",
        answer.summary()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_url_what_answered_and_the_option() {
        let no_response = ProbeResponse::NoResponse { cause: "refused".to_owned(), connected: false };
        for (answer, observed, advice) in [
            (ProbeResponse::NoRoute, "API Gateway has no such route", "`make deploy`"),
            (ProbeResponse::Other { status: 302, clock: None }, "status 302", "no redirects"),
            (ProbeResponse::Other { status: 200, clock: None }, "status 200", "in front of the API"),
            (no_response, "no response: refused", "in front of the API"),
        ] {
            let text = describe("https://e.com", &answer);
            for expected in ["https://e.com", observed, "Nothing was written", advice, "--public-url"] {
                assert!(text.contains(expected), "{text}");
            }
        }
    }
}
