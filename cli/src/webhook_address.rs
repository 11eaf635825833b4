//! Whether a platform's webhooks come to this Patchbay.

use crate::stack::Stack;
use shared::model::integration_name::IntegrationName;
use url::Url;

/// Where the address leads that a platform posts an integration's webhooks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To the integration's route, by the stack's own word or by the command line's.
    Here,
    /// To a route of that name on another API: another Patchbay's, or this one's under a domain of the company's own.
    ToAnotherApi(Url),
    /// To something else.
    Elsewhere,
    /// The platform does not tell.
    Untold,
}

/// Where the address leads that the platform tells for this integration.
pub(crate) async fn leads(stack: &Stack, name: &IntegrationName, told: Option<&str>) -> Leads {
    let Some(told) = told.filter(|told| !told.is_empty()) else { return Leads::Untold };
    let own = [stack.api_url(), stack.output("ApiUrl").await.ok()];
    judge(told, &own.into_iter().flatten().collect::<Vec<_>>(), name)
}

fn judge(told: &str, apis: &[&str], name: &IntegrationName) -> Leads {
    let route = format!("/integrations/{name}/webhook");
    let Ok(told) = told.parse::<Url>() else { return Leads::Elsewhere };
    let is_of = |api: &&str| format!("{}{route}", api.trim_end_matches('/')).parse().is_ok_and(|own: Url| own == told);
    match told.path().ends_with(&route) {
        true if apis.iter().any(is_of) => Leads::Here,
        true => Leads::ToAnotherApi(told),
        false => Leads::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ours_under_any_name_of_the_api_that_is_known() {
        let apis = ["https://a.execute-api.example", "https://hooks.example.com/live/"];
        let judged = |told: &str| judge(told, &apis, &"acme".parse().unwrap());
        for ours in [
            "https://a.execute-api.example/integrations/acme/webhook",
            "https://A.execute-api.example:443/integrations/acme/webhook",
            "https://hooks.example.com/live/integrations/acme/webhook",
        ] {
            assert_eq!(Leads::Here, judged(ours), "{ours}");
        }
        for other in
            ["https://b.example/integrations/acme/webhook", "https://hooks.example.com/integrations/acme/webhook"]
        {
            assert_eq!(Leads::ToAnotherApi(other.parse().unwrap()), judged(other));
        }
        for elsewhere in ["https://a.execute-api.example/integrations/shop/webhook", "https://example.com/", "no URL"] {
            assert_eq!(Leads::Elsewhere, judged(elsewhere), "{elsewhere}");
        }
    }
}
