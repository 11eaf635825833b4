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
    /// What a channel's provider calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_url: Option<String>,
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
        changes: &Changes<'_>,
        advice: Vec<String>,
    ) -> Self {
        Self {
            integration: add.name.clone(),
            platform,
            webhook_url,
            channel_url: changes.document.channel_url(&add.name),
            secret,
            steps,
            next: advice.into_iter().chain(next_steps(add, platform, changes)).collect(),
            configuration: add.show_secrets.then(|| changes.document.value().clone()),
        }
    }

    pub(super) fn complete_commands(&mut self, output: Output) {
        self.next.iter_mut().for_each(|step| *step = output.complete_commands(step));
    }
}

/// What is stored, and what of it is new.
pub(super) struct Changes<'d> {
    document: &'d Document,
    /// The pointers that differ, or `None` if everything is new.
    changed: Option<Vec<String>>,
}

impl<'d> Changes<'d> {
    /// Without a document `before`, or if it is to be connected as if it were new, everything is new.
    pub(super) fn new(before: Option<&Document>, document: &'d Document) -> Self {
        Self { document, changed: before.map(|before| before.differences(document)) }
    }

    fn is_new(&self) -> bool {
        self.changed.is_none()
    }

    /// Whether one of these fields is new.
    fn has_new(&self, fields: &[&str]) -> bool {
        let is_one = |pointer: &String| fields.contains(&pointer.as_str());
        self.changed.as_ref().is_none_or(|changed| changed.iter().any(is_one))
    }
}

fn next_steps(add: &Add, platform: PlatformName, changes: &Changes<'_>) -> Vec<String> {
    let mut next = Vec::new();
    let credentials = ["/clientId", "/clientSecret", "/locationId", "/token", "/apiKey", "/appSecrets"];
    let unchecked = changes
        .has_new(&credentials)
        .then(|| "The credentials were not tested: the platform has no call without side effects.".to_owned());
    match platform {
        PlatformName::GenesysCloud if add.no_platform && changes.has_new(&["/webhookSecrets"]) => next.push(
            "In Genesys Cloud, set the open messaging integration's webhook URL, and webhookSecrets as its signature \
             secret token."
                .to_owned(),
        ),
        PlatformName::GenesysCloud if changes.is_new() => next.push(
            "In Genesys Cloud, under Message Routing, route the integration to an inbound message flow that leads to a \
             queue with agents."
                .to_owned(),
        ),
        PlatformName::GenesysCloud => {}
        PlatformName::MulticloudCx => {
            if changes.is_new() {
                next.push("Ask your Genesys representative to set the channel's webhook URL.".to_owned());
            }
            next.extend(unchecked);
        }
        PlatformName::HighLevel => {
            let has_app = changes.document.get("/clientId").is_some();
            if has_app && changes.has_new(&credentials) {
                next.push(format!("Authorize the app: `patchbay integration authorize {}`.", add.name));
            }
            if changes.is_new() {
                next.push(
                    "In your HighLevel app, subscribe the webhook URL to OutboundMessage, or set it as the delivery URL \
                     of a conversation provider."
                        .to_owned(),
                );
            }
            next.extend(unchecked.filter(|_| !has_app));
        }
    }
    let has_callers = !changes.document.list("/callers").is_empty();
    let show = match add.show_secrets {
        true => String::new(),
        false => format!(" `patchbay integration show {} --show-secrets` shows them.", add.name),
    };
    let new_callers = has_callers && changes.has_new(&["/callers"]);
    let has_channel = changes.document.get("/channel").is_some();
    let new_signing_secrets = !has_channel && changes.has_new(&["/delivery/signingSecrets"]);
    next.extend(match (new_signing_secrets, new_callers) {
        (true, true) => {
            Some(format!("The messaging service needs delivery.signingSecrets, and the callers theirs.{show}"))
        }
        (true, false) => Some(format!("The messaging service needs delivery.signingSecrets.{show}")),
        (false, true) => Some(format!("The callers need their secrets.{show}")),
        (false, false) => None,
    });
    // With a channel, conversations need no caller.
    if !has_callers && !has_channel && changes.has_new(&["/callers"]) {
        next.push(format!(
            "It has no callers, so nothing can be sent through it: `patchbay integration add {} --replace --caller \
             crm` adds the caller `crm` with a new secret.",
            add.name
        ));
    }
    next
}

pub(super) fn human(report: &Report) -> String {
    let mut lines = vec![("webhook URL".to_owned(), report.webhook_url.to_string())];
    lines.extend(report.channel_url.iter().map(|url| ("channel URL".to_owned(), url.clone())));
    lines.push(("secret".to_owned(), report.secret.clone()));
    lines.extend(report.configuration.iter().flat_map(mask::lines));
    let next: Vec<_> = report.next.iter().map(|step| format!("\n- {step}")).collect();
    let next = if next.is_empty() { String::new() } else { format!("\n\nNext:{}", next.concat()) };
    format!("`{}` is connected.\n\n{}{next}", report.integration, key_values(lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use serde_json::json;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        add: Add,
    }

    fn document(change: impl FnOnce(&mut Value)) -> Document {
        let mut document = json!({
            "platform": "highlevel", "locationId": "l", "clientId": "c", "clientSecret": "s",
            "delivery": {"url": "https://example.com/", "signingSecrets": ["w"]}, "callers": [{"name": "crm"}],
        });
        change(&mut document);
        Document::parse(&document.to_string()).unwrap()
    }

    /// The next steps after a replacement that makes this change.
    fn after(change: impl FnOnce(&mut Value)) -> String {
        let add = Command::parse_from(["add", "acme", "--replace"]).add;
        let (before, after) = (document(|_| {}), document(change));
        next_steps(&add, PlatformName::HighLevel, &Changes::new(Some(&before), &after)).join("\n")
    }

    #[test]
    fn a_new_integration_gets_all_steps() {
        let (add, document) = (Command::parse_from(["add", "acme"]).add, document(|_| {}));
        let next = next_steps(&add, PlatformName::HighLevel, &Changes::new(None, &document)).join("\n");
        for step in
            ["Authorize the app", "subscribe the webhook URL", "delivery.signingSecrets, and the callers theirs"]
        {
            assert!(next.contains(step), "{next}");
        }
    }

    #[test]
    fn an_integration_with_a_channel_needs_neither_signing_secrets_nor_callers() {
        let add = Command::parse_from(["add", "acme"]).add;
        let document = document(|document| {
            document.as_object_mut().unwrap().remove("delivery");
            document["callers"] = json!([]);
            document["channel"] = json!({"kind": "twilio", "publicUrl": "https://api.example.com"});
        });
        let next = next_steps(&add, PlatformName::HighLevel, &Changes::new(None, &document)).join("\n");
        assert!(!next.contains("signingSecrets") && !next.contains("no callers"), "{next}");
        let expected = "https://api.example.com/integrations/acme/channel".to_owned();
        assert_eq!(Some(expected), document.channel_url(&add.name));
    }

    #[test]
    fn a_changed_integration_gets_the_steps_for_what_has_changed() {
        assert_eq!("", after(|document| document["delivery"]["timeoutSeconds"] = 10.into()));
        let show = "`patchbay integration show acme --show-secrets` shows them.";
        for (pointer, value, expected) in [
            (
                "/delivery/signingSecrets",
                json!(["v"]),
                format!("The messaging service needs delivery.signingSecrets. {show}"),
            ),
            ("/callers", json!([{"name": "erp"}]), format!("The callers need their secrets. {show}")),
            ("/clientSecret", json!("t"), "Authorize the app: `patchbay integration authorize acme`.".to_owned()),
        ] {
            assert_eq!(expected, after(|document| *document.pointer_mut(pointer).unwrap() = value), "{pointer}");
        }
        let without = after(|document| document["callers"] = json!([]));
        assert!(without.starts_with("It has no callers"), "{without}");
    }
}
