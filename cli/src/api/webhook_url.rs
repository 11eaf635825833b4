//! Whether a platform's webhooks are sent to this stack.

use crate::aws::outputs;
use crate::aws::stack::Stack;
use shared::model::integration_name::IntegrationName;
use url::Url;

/// Where a platform posts an integration's webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WebhookTarget {
    /// The integration's route, at the stack's own API URL or at that of the command line.
    ThisStack,
    /// The integration's route on another host: another stack, or a custom domain of this one.
    OtherStack(Url),
    Other,
    /// The platform does not return the URL.
    Unknown,
}

pub(crate) async fn webhook_target(stack: &Stack, name: &IntegrationName, url: Option<&str>) -> WebhookTarget {
    let Some(url) = url.filter(|url| !url.is_empty()) else { return WebhookTarget::Unknown };
    let own = [stack.api_url(), stack.output(outputs::API_URL).await.ok()];
    classify(url, &own.into_iter().flatten().collect::<Vec<_>>(), name)
}

fn classify(url: &str, apis: &[&str], name: &IntegrationName) -> WebhookTarget {
    let route = format!("/integrations/{name}/webhook");
    let Ok(url) = url.parse::<Url>() else { return WebhookTarget::Other };
    let is_of = |api: &&str| format!("{}{route}", api.trim_end_matches('/')).parse().is_ok_and(|own: Url| own == url);
    match url.path().ends_with(&route) {
        true if apis.iter().any(is_of) => WebhookTarget::ThisStack,
        true => WebhookTarget::OtherStack(url),
        false => WebhookTarget::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_this_stacks_under_every_known_name_of_the_api() {
        let apis = ["https://a.execute-api.example", "https://hooks.example.com/live/"];
        let judged = |url: &str| classify(url, &apis, &"acme".parse().unwrap());
        for ours in [
            "https://a.execute-api.example/integrations/acme/webhook",
            "https://A.execute-api.example:443/integrations/acme/webhook",
            "https://hooks.example.com/live/integrations/acme/webhook",
        ] {
            assert_eq!(WebhookTarget::ThisStack, judged(ours), "{ours}");
        }
        for other in
            ["https://b.example/integrations/acme/webhook", "https://hooks.example.com/integrations/acme/webhook"]
        {
            assert_eq!(WebhookTarget::OtherStack(other.parse().unwrap()), judged(other));
        }
        for elsewhere in ["https://a.execute-api.example/integrations/shop/webhook", "https://example.com/", "no URL"] {
            assert_eq!(WebhookTarget::Other, judged(elsewhere), "{elsewhere}");
        }
    }
}
