//! `patchbay webhook`.

mod sample;

use crate::answer::Answer;
use crate::caller::unanswered;
use crate::failure::Failure;
use crate::fate::{Fate, State};
use crate::file;
use crate::integrations;
use crate::output::{Output, pairs};
use crate::stack::Stack;
use clap::{Args, Subcommand};
use http::{HeaderName, header};
use jiff::Timestamp;
use sample::Kind;
use serde::Serialize;
use shared::delivery::payload::webhook_id;
use shared::integration::Integration;
use shared::ledger;
use shared::model::integration_name::IntegrationName;
use shared::platform::{PlatformName, Received};
use shared::signature::highlevel::{SigningKey, X_GHL_SIGNATURE};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often the ledger is looked at.
const PERIOD: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Post a signed sample, as the platform would: by default one with which nothing is sent to a customer
    Test(Test),
}

/// A test of an integration's webhook.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The integration
    integration: IntegrationName,
    /// What to post: typing for Genesys Cloud, receipt for Multicloud CX, call for HighLevel, or text if one is given
    #[arg(long, value_enum, conflicts_with = "body")]
    kind: Option<Kind>,
    /// The customer, whom the messaging service sees; a new one that is made up unless given
    #[arg(long, value_name = "ADDRESS", conflicts_with = "body")]
    to: Option<String>,
    /// The text, which the messaging service is to send
    #[arg(long, conflicts_with = "body")]
    text: Option<String>,
    /// A body to post in place of a sample, such as a captured one, signed anew: a file, or - for the standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// For HighLevel: an Ed25519 private key (PKCS #8, PEM or DER) whose public key is among the trustedKeys
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Wait until it is delivered or refused, at most so many seconds: 60 unless given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", require_equals = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: Option<u64>,
}

/// What is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    answer: Answer,
    /// What was posted, in the messaging service's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Under which it is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
    /// Whether it was settled before it was posted, so that it is not delivered again; known where it is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_before: Option<bool>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<Fate>,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), Failure> {
    let Command::Test(test) = command;
    let integration = integrations::load(stack, &test.integration).await?;
    let body = test.body(&integration)?;
    let signature = test.signature(&integration, &body)?;
    let message = match integration.platform.accept(&body, Timestamp::now()) {
        Ok(Received::Message(message)) => Some(message),
        _ => None,
    };
    let key = message.as_ref().map(|message| {
        let identity = message.deduplication_id(&integration.name);
        ledger::key::delivery(&integration.name, identity.as_str())
    });
    let settled_before = match (&key, test.wait) {
        (Some(key), Some(_)) => Some(Fate::find(stack, key).await?.is_some_and(|fate| fate.state.is_settled())),
        _ => None,
    };
    let webhook_id = message.as_ref().map(|message| webhook_id(&integration.name, message));
    let again = test.again(webhook_id.as_deref());
    let mut report = Report {
        answer: post(stack, &integration.name, signature, body, &again).await?,
        kind: message.as_ref().map(|message| message.kind.name()),
        webhook_id,
        settled_before,
        fate: None,
    };
    if !report.answer.is_good() {
        output.data(&report);
        return Err(Failure::Failed(report.answer.trouble()));
    }
    if let (Some(key), Some(seconds)) = (&key, test.wait) {
        output.say("Accepted. Waiting for what becomes of it ...");
        report.fate = match followed(stack, key, Duration::from_secs(seconds)).await {
            Ok(fate) => fate,
            Err(failure) => {
                output.result(&report, human);
                let failure = format!("it was accepted, and what became of it cannot be seen: {failure}");
                return Err(Failure::Failed(failure));
            }
        };
    }
    show(&report, &test, output)
}

/// Posts the webhook; `again` says what to do where no answer came.
async fn post(
    stack: &Stack,
    name: &IntegrationName,
    (header, signature): (HeaderName, String),
    body: Vec<u8>,
    again: &str,
) -> Result<Answer, Failure> {
    let url = stack.route(&format!("{name}/webhook")).await?;
    let request = stack.http()?.post(url).header(header::CONTENT_TYPE, "application/json").header(header, signature);
    Answer::read(request.body(body).send().await.map_err(|error| unanswered(error, again))?, again).await
}

/// Looks at the ledger until it is settled, or the time is over.
async fn followed(stack: &Stack, key: &str, patience: Duration) -> Result<Option<Fate>, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let fate = Fate::find(stack, key).await?;
        if fate.as_ref().is_some_and(|fate| fate.state.is_settled()) || Instant::now() >= deadline {
            return Ok(fate);
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn show(report: &Report, test: &Test, output: Output) -> Result<(), Failure> {
    let failure = match (&report.fate, test.wait, &report.webhook_id) {
        (_, None, _) | (_, _, None) => None,
        (Some(fate), ..) if fate.state == State::Delivered => None,
        (Some(fate), Some(seconds), _) if !fate.state.is_settled() => {
            let id = report.message_id().unwrap_or_default();
            let hint = format!("`patchbay messages show {id}` tells why, from the log");
            Some(format!("after {seconds} s it is not delivered: {}\n  {hint}", fate.state.words()))
        }
        (Some(fate), ..) => Some(format!("it was accepted, and then {}", fate.state.words())),
        (None, Some(seconds), _) => Some(format!(
            "after {seconds} s the dispatcher has not begun with it: it may wait behind another message of its customer"
        )),
    };
    output.result(report, human);
    failure.map_or(Ok(()), |failure| Err(Failure::Failed(failure)))
}

impl Report {
    /// The platform's id of the message.
    fn message_id(&self) -> Option<&str> {
        self.answer.body.get("messageId")?.as_str()
    }
}

fn human(report: &Report) -> String {
    let mut lines = vec![("status", report.answer.status.to_string())];
    lines.extend(report.message_id().map(|id| ("message id", id.to_owned())));
    lines.extend(report.kind.map(|kind| ("kind", kind.to_owned())));
    match &report.webhook_id {
        Some(id) => lines.push(("webhook-id", id.clone())),
        None => lines.push(("delivery", "none: such a webhook is acknowledged and not handed on".to_owned())),
    }
    if report.settled_before == Some(true) {
        lines.push(("note", "it had come before, so that it is not delivered again".to_owned()));
    }
    lines.extend(report.fate.iter().flat_map(Fate::pairs));
    pairs(lines)
}

impl Test {
    /// The bytes to post.
    fn body(&self, integration: &Integration) -> Result<Vec<u8>, Failure> {
        if let Some(path) = &self.body {
            return file::read(path);
        }
        let platform = integration.platform.name();
        let kinds = Kind::of(platform);
        let default = if self.text.is_some() { Some(Kind::Text) } else { kinds.first().copied() };
        let kind = self.kind.or(default).filter(|kind| kinds.contains(kind)).ok_or_else(|| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            Failure::Usage(format!("samples of {} are {}", platform.as_str(), names.join(", ")))
        })?;
        if self.text.is_some() && kind != Kind::Text {
            return Err(Failure::Usage(format!("a {} has no text: leave out --kind, or --text", kind.name())));
        }
        let text = self.text.as_deref().unwrap_or("This is a test of Patchbay.");
        // Each has a customer of its own, so that none waits in line behind another that does not get through.
        let customer = self.to.clone().unwrap_or_else(|| format!("patchbay-test-{}", Uuid::new_v4().simple()));
        Ok(sample::body(&integration.platform, kind, &customer, text).to_string().into_bytes())
    }

    /// What to do where nobody knows whether the webhook came.
    fn again(&self, webhook_id: Option<&str>) -> String {
        match (&self.body, webhook_id) {
            (Some(_), Some(_)) => "It may be posted again: the same message is delivered once.".to_owned(),
            (_, None) => "It may be posted again: such a webhook is not handed on.".to_owned(),
            (None, Some(id)) => {
                let (show, name) = ("patchbay messages show", &self.integration);
                format!(
                    "Posted again it would be another message. `{show} {id} --integration {name}` tells whether this \
                     one came"
                )
            }
        }
    }

    /// The header that says that the platform wrote it.
    fn signature(&self, integration: &Integration, body: &[u8]) -> Result<(HeaderName, String), Failure> {
        match (&self.private_key, integration.platform.sign(body)) {
            (None, Some(signature)) => Ok(signature),
            (Some(path), _) if integration.platform.name() == PlatformName::HighLevel => {
                let key = SigningKey::read(&file::read(path)?)
                    .map_err(|error| Failure::Usage(format!("{} {error}", path.display())))?;
                Ok((X_GHL_SIGNATURE, key.sign(body)))
            }
            (Some(_), _) => Err(Failure::Usage("only webhooks of HighLevel are signed with a private key".to_owned())),
            (None, None) => Err(Failure::Usage(
                "HighLevel signs with a private key of its own, which nobody else has: make a key with `openssl \
                 genpkey -algorithm ED25519`, put its public key among the integration's `trustedKeys` for as long as \
                 you test, and give it with --private-key"
                    .to_owned(),
            )),
        }
    }
}
