//! Twilio's side of an integration: the account's credentials, and the webhooks of its sender.

use super::report::Finding;
use crate::api::channel::twilio::{SenderSetup, Twilio, WebhookProblem};
use shared::channel::twilio::config::Config;
use shared::channel::twilio::setup::{Account, SetupError};
use shared::model::integration_name::IntegrationName;

/// The findings about the credentials and about the webhooks.
pub(super) async fn check(name: &IntegrationName, config: &Config) -> [Finding; 2] {
    let twilio = match Twilio::new(config) {
        Ok(twilio) => twilio,
        Err(failure) => return [(); 2].map(|()| Finding::skipped(format!("because {failure}"))),
    };
    let (account, key) = tokio::join!(twilio.account(), twilio.check_api_key());
    let problem = match (account, key) {
        (Ok(account), Ok(())) => Ok(classify_account(&account)),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(classify_error(name, &error)),
        (Err(account), Err(key)) if account == key => Err(classify_error(name, &account)),
        (Err(account), Err(key)) => Err(classify_error(name, &account).and(classify_error(name, &key))),
    };
    let credentials = match problem {
        Ok(credentials) => credentials,
        Err(problem) => return [problem, Finding::skipped("because the credentials could not be confirmed")],
    };
    let webhook = match twilio.sender().await {
        Ok(SenderSetup::Webhooks(webhooks)) => {
            let here = format!("customers' messages to {} are sent to this stack, with retries", webhooks.name());
            twilio.problem(&webhooks).map_or_else(|| Finding::ok(here), |problem| classify(name, problem))
        }
        Ok(SenderSetup::ByHand) => Finding::skipped("because Twilio's API does not show the webhooks of such a sender"),
        Ok(SenderSetup::OneWay) => Finding::ok("none: customers cannot answer this sender"),
        Err(SetupError::NotFound) => Finding::fault(
            "the account does not have the sender",
            format!("set one that it has: `patchbay integration add {name} --replace --sender ADDRESS`"),
        ),
        Err(error) => classify_error(name, &error),
    };
    [credentials, webhook]
}

fn classify_account(account: &Account) -> Finding {
    match (account.status.as_deref(), account.kind.as_deref()) {
        (Some("active") | None, Some("Trial")) => Finding::warning(
            "Twilio accepts the credentials of a trial account, which sends to verified numbers only",
            "upgrade the account in Twilio's console",
        ),
        (Some("active") | None, _) => Finding::ok("Twilio accepts the account's credentials"),
        (Some(_), _) => Finding::fault("the account is suspended or closed", "see why in Twilio's console"),
    }
}

fn classify_error(name: &IntegrationName, error: &SetupError) -> Finding {
    let advice = match error {
        SetupError::AuthToken => format!(
            "store the account's Auth Token: `patchbay integration rotate {name} --secret auth-token --secret-file FILE`"
        ),
        SetupError::ApiKey => format!(
            "store another API key: `patchbay integration rotate {name} --secret channel-api-key --api-key-sid SID \
             --secret-file FILE`"
        ),
        SetupError::NotFound => {
            format!("set the account's SID: `patchbay integration add {name} --replace --account-sid SID`")
        }
        SetupError::Refused { status: 403, .. } => {
            "give the API key the type `Standard` or `Main` in Twilio's console".to_owned()
        }
        SetupError::Refused { .. } | SetupError::Unavailable(_) | SetupError::InvalidAnswer => format!(
            "run this again; check Twilio's status; if the API's address is wrong: `patchbay integration add {name} \
             --replace --channel-api-url URL`"
        ),
    };
    match error {
        SetupError::Refused { status: 429, .. } => Finding::warning(error.to_string(), "run this again in a minute"),
        _ => Finding::fault(error.to_string(), advice),
    }
}

fn classify(name: &IntegrationName, problem: WebhookProblem) -> Finding {
    let advice = format!("set them: `patchbay integration add {name} --yes`");
    match problem.is_fault {
        true => Finding::fault(problem.observed, advice),
        false => Finding::warning(problem.observed, advice),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn an_active_account_is_ok_and_one_that_cannot_send_is_a_fault() {
        let found = |status: Option<&str>, kind: Option<&str>| {
            let (status, kind) = (status.map(str::to_owned), kind.map(str::to_owned));
            classify_account(&Account { sid: "AC".to_owned(), friendly_name: None, status, kind }).status
        };
        assert_eq!(Status::Ok, found(Some("active"), Some("Full")));
        assert_eq!(Status::Ok, found(None, None));
        assert_eq!(Status::Warning, found(Some("active"), Some("Trial")));
        assert_eq!(Status::Fault, found(Some("suspended"), Some("Trial")));
    }

    #[test]
    fn every_error_says_what_to_do() {
        let advice = |error| classify_error(&"acme".parse().unwrap(), &error).advice.unwrap();
        assert!(advice(SetupError::AuthToken).contains("--secret auth-token"));
        assert!(advice(SetupError::ApiKey).contains("--secret channel-api-key"));
        assert!(advice(SetupError::NotFound).contains("--account-sid"));
        assert!(advice(SetupError::Refused { status: 403, code: Some(20003) }).contains("Standard"));
        assert!(advice(SetupError::Unavailable("no connection")).contains("--channel-api-url"));
        let problem = WebhookProblem { is_fault: false, observed: "o".to_owned() };
        assert_eq!(Status::Warning, classify(&"acme".parse().unwrap(), problem).status);
    }
}
