//! What was done, and what is left to do.

use super::super::{document::Document, mask};
use super::flags::Add;
use crate::output::pairs;
use serde::Serialize;
use serde_json::Value;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use url::Url;

/// What was done, and what is left to do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    integration: IntegrationName,
    platform: PlatformName,
    webhook_url: Url,
    secret: String,
    steps: Vec<String>,
    next: Vec<String>,
    /// With its secrets, if they were asked for.
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
    ) -> Self {
        Self {
            integration: add.name.clone(),
            platform,
            webhook_url,
            secret,
            steps,
            next: next(add, platform, document),
            configuration: add.show_secrets.then(|| document.value().clone()),
        }
    }
}

/// What is left to do.
fn next(add: &Add, platform: PlatformName, document: &Document) -> Vec<String> {
    let mut next = Vec::new();
    let unchecked = "The credentials were not checked: the platform has no call that would change nothing.";
    match platform {
        PlatformName::GenesysCloud if add.no_platform => next.push(
            "In Genesys Cloud, give the open messaging integration the webhook URL, and webhookSecrets as its signature \
             secret token."
                .to_owned(),
        ),
        PlatformName::GenesysCloud => {}
        PlatformName::MulticloudCx => {
            next.push("Have your Genesys representative give the channel the webhook URL.".to_owned());
            next.push(unchecked.to_owned());
        }
        PlatformName::HighLevel => {
            next.push(
                "In your HighLevel app, subscribe OutboundMessage to the webhook URL, or give it as the delivery URL of \
                 a conversation provider."
                    .to_owned(),
            );
            next.push(unchecked.to_owned());
        }
    }
    let has_callers = !document.list("/callers").is_empty();
    let callers = if has_callers { ", and the callers theirs" } else { "" };
    let shown = match add.show_secrets {
        true => String::new(),
        false => format!(" `patchbay integration show {} --show-secrets` shows them.", add.name),
    };
    next.push(format!("The messaging service needs delivery.signingSecrets{callers}.{shown}"));
    if !has_callers {
        next.push(format!(
            "It has no callers, so that nobody can send by it: `patchbay integration add {} --replace --caller crm` adds \
             one, `crm`, with a secret of its own.",
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
    format!("`{}` is connected.\n\n{}\n\nNext:{}", report.integration, pairs(lines), next.concat())
}
