use super::super::{document::Document, mask};
use super::flags::Add;
use crate::ui::output::{Output, key_values};
use serde::Serialize;
use serde_json::Value;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use url::Url;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    integration: IntegrationName,
    platform: PlatformName,
    webhook_url: Url,
    secret: String,
    steps: Vec<String>,
    next: Vec<String>,
    /// With `--show-secrets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Value>,
}

impl Report {
    pub(super) fn new(
        add: &Add,
        platform: PlatformName,
        webhook_url: Url,
        secret: String,
        steps: Vec<String>,
        document: &Document,
        advice: Vec<String>,
    ) -> Self {
        Self {
            integration: add.name.clone(),
            platform,
            webhook_url,
            secret,
            steps,
            next: advice.into_iter().chain(next_steps(add, platform, document)).collect(),
            configuration: add.show_secrets.then(|| document.value().clone()),
        }
    }

    pub(super) fn complete_commands(&mut self, output: Output) {
        self.next.iter_mut().for_each(|step| *step = output.complete_commands(step));
    }
}

fn next_steps(add: &Add, platform: PlatformName, document: &Document) -> Vec<String> {
    let mut next = Vec::new();
    let unchecked = "The credentials were not tested: the platform has no call without side effects.";
    match platform {
        PlatformName::GenesysCloud if add.no_platform => next.push(
            "In Genesys Cloud, set the open messaging integration's webhook URL, and webhookSecrets as its signature \
             secret token."
                .to_owned(),
        ),
        PlatformName::GenesysCloud => {}
        PlatformName::MulticloudCx => {
            next.push("Ask your Genesys representative to set the channel's webhook URL.".to_owned());
            next.push(unchecked.to_owned());
        }
        PlatformName::HighLevel => {
            let has_app = document.get("/clientId").is_some();
            if has_app {
                next.push(format!("Authorize the app: `patchbay integration authorize {}`.", add.name));
            }
            next.push(
                "In your HighLevel app, subscribe the webhook URL to OutboundMessage, or set it as the delivery URL \
                 of a conversation provider."
                    .to_owned(),
            );
            if !has_app {
                next.push(unchecked.to_owned());
            }
        }
    }
    let has_callers = !document.list("/callers").is_empty();
    let callers = if has_callers { ", and the callers theirs" } else { "" };
    let show = match add.show_secrets {
        true => String::new(),
        false => format!(" `patchbay integration show {} --show-secrets` shows them.", add.name),
    };
    next.push(format!("The messaging service needs delivery.signingSecrets{callers}.{show}"));
    if !has_callers {
        next.push(format!(
            "It has no callers, so nothing can be sent through it: `patchbay integration add {} --replace --caller \
             crm` adds the caller `crm` with a new secret.",
            add.name
        ));
    }
    next
}

pub(super) fn human(report: &Report) -> String {
    let mut lines =
        vec![("webhook URL".to_owned(), report.webhook_url.to_string()), ("secret".to_owned(), report.secret.clone())];
    lines.extend(report.configuration.iter().flat_map(mask::lines));
    let next: Vec<_> = report.next.iter().map(|step| format!("\n- {step}")).collect();
    format!("`{}` is connected.\n\n{}\n\nNext:{}", report.integration, key_values(lines), next.concat())
}
