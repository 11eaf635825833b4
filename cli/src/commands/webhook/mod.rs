//! `patchbay webhook`.

mod sample;

use crate::api::client::no_response;
use crate::api::response::ApiResponse;
use crate::aws::completion;
use crate::aws::integrations;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::status::{LedgerStatus, State};
use crate::ui::help::examples;
use crate::ui::input;
use crate::ui::output::{Output, key_values};
use crate::ui::values::number;
use clap::{Args, Subcommand};
use http::{HeaderName, header};
use jiff::Timestamp;
use sample::Kind;
use serde::Serialize;
use shared::delivery::id::DeliveryId;
use shared::integration::Integration;
use shared::ledger;
use shared::model::integration_name::IntegrationName;
use shared::platform::{PlatformName, Received};
use shared::signature::highlevel::{SigningKey, X_GHL_SIGNATURE};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Post a signed sample as the platform would; by default one that sends nothing to a customer
    Test(Test),
}

#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay webhook test acme --wait",
    "patchbay webhook test acme --kind text --to customer-17 --wait=120",
    "patchbay webhook test acme --body captured.json",
]))]
pub(crate) struct Test {
    /// Name of the integration
    #[arg(add = completion::integrations())]
    integration: IntegrationName,
    /// Kind of sample [default: typing for Genesys Cloud, receipt for Multicloud CX, call for HighLevel; text with
    /// --text]
    #[arg(long, value_enum, conflicts_with = "body")]
    kind: Option<Kind>,
    /// Address of the customer, which the messaging service receives [default: a new random one; none with a channel]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "body")]
    to: Option<String>,
    /// A text for the messaging service to send
    #[arg(long, conflicts_with = "body")]
    text: Option<String>,
    /// A body to sign and post instead of a sample, such as a captured one: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// For HighLevel: file with an Ed25519 private key (PKCS #8, PEM or DER) whose public key is among the trustedKeys
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Wait until it is delivered or refused, for at most this many seconds (60 without a value)
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", require_equals = true)]
    #[arg(value_parser = number(1..=3600_u64))]
    wait: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    response: ApiResponse,
    /// The message's kind in deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
    /// With `--wait`: whether the delivery was completed before, so that it is not delivered again.
    #[serde(rename = "settledBefore", skip_serializing_if = "Option::is_none")]
    was_completed: Option<bool>,
    #[serde(rename = "fate", skip_serializing_if = "Option::is_none")]
    delivery: Option<LedgerStatus>,
}

pub(crate) async fn run(command: Command, stack: &Stack, output: Output) -> Result<(), CliError> {
    let Command::Test(test) = command;
    let integration = integrations::load(stack, &test.integration).await?;
    let body = test.body(&integration)?;
    let headers = test.proof(&integration, &body)?;
    let message = match integration.platform.parse_webhook(&body, Timestamp::now()) {
        Ok(Received::Message(message)) => Some(message),
        _ => None,
    };
    let id = message.as_ref().map(|message| DeliveryId::new(&integration.name, message));
    let key = id.as_ref().map(|id| ledger::key::delivery(&integration.name, id.digest().as_str()));
    let was_completed = match (&key, test.wait) {
        (Some(key), Some(_)) => {
            Some(LedgerStatus::find(stack, key).await?.is_some_and(|delivery| delivery.state.is_completed()))
        }
        _ => None,
    };
    let webhook_id = id.map(|id| id.to_string());
    let retry_hint = test.retry_hint(webhook_id.as_deref());
    let mut report = Report {
        response: post(stack, &integration.name, headers, body, &retry_hint).await?,
        kind: message.as_ref().map(|message| message.kind.name()),
        webhook_id,
        was_completed,
        delivery: None,
    };
    if !report.response.is_success() {
        output.data(&report);
        return Err(CliError::Failed(report.response.describe_error()));
    }
    if let (Some(key), Some(seconds)) = (&key, test.wait) {
        output.progress("Accepted. Waiting for the delivery ...");
        report.delivery = match wait_for_delivery(stack, key, Duration::from_secs(seconds)).await {
            Ok(delivery) => delivery,
            Err(failure) => {
                output.result(&report, human);
                let failure = format!("it was accepted, but its delivery status cannot be read: {failure}");
                return Err(CliError::Failed(failure));
            }
        };
    }
    show(&report, &test, output)
}

/// Posts the webhook; `retry_hint` is for the error when no response arrives.
async fn post(
    stack: &Stack,
    name: &IntegrationName,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
    retry_hint: &str,
) -> Result<ApiResponse, CliError> {
    let url = stack.route_url(&format!("{name}/webhook")).await?;
    let request = stack.http_client()?.post(url).header(header::CONTENT_TYPE, "application/json");
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    ApiResponse::read(request.body(body).send().await.map_err(|error| no_response(error, retry_hint))?, retry_hint)
        .await
}

/// Polls the ledger until the delivery is completed, or until the timeout.
async fn wait_for_delivery(stack: &Stack, key: &str, timeout: Duration) -> Result<Option<LedgerStatus>, CliError> {
    let deadline = Instant::now() + timeout;
    loop {
        let delivery = LedgerStatus::find(stack, key).await?;
        if delivery.as_ref().is_some_and(|delivery| delivery.state.is_completed()) || Instant::now() >= deadline {
            return Ok(delivery);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn show(report: &Report, test: &Test, output: Output) -> Result<(), CliError> {
    let failure = match (&report.delivery, test.wait, &report.webhook_id) {
        (_, None, _) | (_, _, None) => None,
        (Some(delivery), ..) if delivery.state == State::Delivered => None,
        (Some(delivery), Some(seconds), _) if !delivery.state.is_completed() => {
            let id = report.message_id().unwrap_or_default();
            let hint = format!("`patchbay messages show {id}` shows why, from the log");
            Some(format!("it was not delivered within {seconds} s: {}\n  {hint}", delivery.state.describe()))
        }
        (Some(delivery), ..) => Some(format!("it was accepted, but is {}", delivery.state.describe())),
        (None, Some(seconds), _) => Some(format!(
            "the dispatcher did not start to deliver it within {seconds} s: it may wait for an earlier message of the \
              same customer"
        )),
    };
    output.result(report, human);
    failure.map_or(Ok(()), |failure| Err(CliError::Failed(failure)))
}

impl Report {
    fn message_id(&self) -> Option<&str> {
        self.response.body.get("messageId")?.as_str()
    }
}

fn human(report: &Report) -> String {
    let mut lines = vec![("status", report.response.status.to_string())];
    lines.extend(report.message_id().map(|id| ("message id", id.to_owned())));
    lines.extend(report.kind.map(|kind| ("kind", kind.to_owned())));
    match &report.webhook_id {
        Some(id) => lines.push(("webhook-id", id.clone())),
        None => lines.push(("delivery", "none: such a webhook is acknowledged and not forwarded".to_owned())),
    }
    if report.was_completed == Some(true) {
        lines.push(("note", "it was received before, and is not delivered again".to_owned()));
    }
    lines.extend(report.delivery.iter().flat_map(LedgerStatus::key_values));
    key_values(lines)
}

impl Test {
    fn body(&self, integration: &Integration) -> Result<Vec<u8>, CliError> {
        if let Some(path) = &self.body {
            return input::read(path);
        }
        let platform = integration.platform.name();
        let kinds = Kind::of(platform);
        let default = if self.text.is_some() { Some(Kind::Text) } else { kinds.first().copied() };
        let no_sample = || {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            CliError::Usage(format!("samples of {} are {}", platform.as_str(), names.join(", ")))
        };
        let kind = self.kind.or(default).ok_or_else(no_sample)?;
        if self.text.is_some() && kind != Kind::Text {
            return Err(CliError::Usage(format!("--text is for --kind text, not for {}", kind.name())));
        }
        if let (Some(channel), true, None) = (integration.destination.channel(), kind.reaches_customers(), &self.to) {
            return Err(CliError::Usage(format!(
                "the integration has the channel {}, so that a customer gets a sample of {}: say who with --to",
                channel.name().as_str(),
                kind.name()
            )));
        }
        let text = self.text.as_deref().unwrap_or("This is a test of Patchbay.");
        // A new customer for each sample: it does not wait for an earlier one that cannot be delivered.
        let customer = self.to.clone().unwrap_or_else(|| format!("patchbay-test-{}", Uuid::new_v4().simple()));
        let body = sample::body(&integration.platform, kind, &customer, text).ok_or_else(no_sample)?;
        Ok(body.to_string().into_bytes())
    }

    /// What to do if it is unknown whether the webhook was received.
    fn retry_hint(&self, webhook_id: Option<&str>) -> String {
        match (&self.body, webhook_id) {
            (Some(_), Some(_)) => "It can be posted again: the same message is delivered only once.".to_owned(),
            (_, None) => "It can be posted again: such a webhook is not forwarded.".to_owned(),
            (None, Some(id)) => {
                let (show, name) = ("patchbay messages show", &self.integration);
                format!(
                    "Posted again, it would be another message. `{show} {id} --integration {name}` shows whether this \
                      one was received"
                )
            }
        }
    }

    /// The headers that prove the webhook's origin.
    fn proof(&self, integration: &Integration, body: &[u8]) -> Result<Vec<(HeaderName, String)>, CliError> {
        match (&self.private_key, integration.platform.sign(body)) {
            (None, headers) if !headers.is_empty() => Ok(headers),
            (Some(path), _) if integration.platform.name() == PlatformName::HighLevel => {
                let key = SigningKey::read(&input::read(path)?)
                    .map_err(|error| CliError::Usage(format!("{} {error}", path.display())))?;
                Ok(vec![(X_GHL_SIGNATURE, key.sign(body))])
            }
            (Some(_), _) => Err(CliError::Usage("only webhooks of HighLevel are signed with a private key".to_owned())),
            (None, _) => Err(CliError::Usage(
                "HighLevel signs with a private key that only HighLevel has: create a key with `openssl genpkey \
                 -algorithm ED25519`, add its public key to the integration's `trustedKeys` while you test, and pass \
                 it with --private-key"
                    .to_owned(),
            )),
        }
    }
}
