//! The output of `make run`: signed webhooks of every kind are posted to the HTTP API and delivered to a messaging
//! service, the company's messages and receipts are sent to a simulated platform, conversations go through a messaging
//! service and through simulated channels, and the doctor reports on it all.
//!
//! Ends with an error when a result differs from what is expected. With `--once` it ends after the table; otherwise it
//! keeps the stack running until Ctrl-C. With `--watch` the HTTP API is `cargo lambda watch`, which runs the functions
//! from the source as it changes. With `--screenshot PATH` it takes the screenshot in the README.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod channels;
mod conversation;
mod inbound;
mod operator;
mod others;
mod outbound;
mod screenshot;
mod service;
mod steps;
mod watch;

use channels::Channel;
use demo::desk::{CustomersSide, Desk};
use inbound::{post_all, print_table, unique_ids};
use others::Others;
use serde_json::{Value, json};
use service::deliveries;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::listener::listen;
use tests::harness::sample_service::SampleService;
use tests::harness::server::origin;
use tests::harness::stack::{Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::api::{Conversation, GenesysCloud};
use tokio::signal::unix::{SignalKind, signal};
use watch::CargoLambdaWatch;

const INTEGRATION: &str = "acme";
const INTEGRATION_ID: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";
const CUSTOMER: &str = "customer-17";
/// The sample messaging service refuses this customer's messages.
const REFUSED_CUSTOMER: &str = "customer-without-a-phone";
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let asked_for = |option| std::env::args().any(|argument| argument == option);
    let mut stack = Stack::connect().await;
    let mut watch = if asked_for("--watch") { Some(CargoLambdaWatch::spawn()?) } else { None };
    if let Some(watch) = &watch {
        stack.api_url.clone_from(&watch.url);
    }
    // However it ends, its child processes end, too.
    let result = tokio::select! {
        result = show(&stack, watch.as_ref(), asked_for("--once")) => result,
        interrupted = interrupted() => interrupted.map(|()| true),
    };
    if let Some(watch) = &mut watch {
        watch.stop().await?;
    }
    Ok(if result? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns at Ctrl-C or SIGTERM.
async fn interrupted() -> Result<(), Box<dyn Error>> {
    let (mut terminated, mut hung_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    Ok(())
}

/// Runs the demonstration. Returns whether everything succeeded.
async fn show(stack: &Stack, watch: Option<&CargoLambdaWatch>, once: bool) -> Result<bool, Box<dyn Error>> {
    if let Some(watch) = watch {
        watch.ready().await?;
    }
    let desk = listen();
    let inbound_url = format!("{}/integrations/{INTEGRATION}/inbound", stack.api_url);
    let mut service = SampleService::start(&[
        ("REFUSED_CUSTOMER", REFUSED_CUSTOMER),
        ("INBOUND_URL", &inbound_url),
        ("CALLER_SECRET", CALLER_SECRET),
        ("PREFETCH_CONVERSATION", "true"),
        ("FRAMED_BY", &origin(&desk)),
    ])
    .await;
    let url = format!("{}/messages", service.url);
    let platform = Arc::new(GenesysCloud::start().await);
    let channels = Channel::all(&origin(&desk).parse()?)?;
    let mut sides = channels.iter().map(Channel::side).collect::<Result<Vec<_>, _>>()?;
    sides.push(CustomersSide {
        title: "Chat page".to_owned(),
        of: "sample service".to_owned(),
        url: service.url.parse()?,
        integration_id: INTEGRATION_ID.to_owned(),
        customer: Some(conversation::CUSTOMER.to_owned()),
    });
    let desk = Desk::on(desk, Arc::clone(&platform), sides)?;
    let integration = stack
        .integration_named(INTEGRATION, INTEGRATION_ID, &url, |configuration| {
            platform.host(configuration);
            configuration["cards"] = json!({"route": "messaging-service"});
        })
        .await;
    platform.add_integration(INTEGRATION_ID, &integration.webhook_url(), WEBHOOK_SECRET);
    platform.allow_everything(INTEGRATION_ID);

    println!("\nGenesys Cloud posts to {}", integration.webhook_url());
    let rows = post_all(stack, &integration).await;
    let deliveries = deliveries(&service, &rows).await;

    println!("\nDeliveries to the messaging service at {url}:\n");
    for _ in unique_ids(&deliveries) {
        println!("  {}", service.output.next_line().await?.unwrap_or_default());
    }
    let mut good = print_table(&rows, &deliveries) & outbound::show(stack, &integration, &platform).await;
    good &= conversation::show(stack, &integration, &platform, &service).await?;
    for channel in &channels {
        good &= channel.show(stack, &platform).await?;
    }
    // They answer as long as the demonstration runs.
    let others = Others::start().await;
    good &= others.show(stack, &service).await;
    if watch.is_none() {
        good &= operator::show().await;
    }
    if let Some(path) = screenshot_path() {
        screenshot::take(&desk, channels[0].customer, &path).await;
    }
    if !once {
        let next = conversation::open_next(stack, &integration, &platform, &service).await?;
        println!("Both sides of each conversation on one page. Write as the agent, and as the customers:\n");
        for channel in &channels {
            println!("  {:<10} {}", channel.title, address(&desk.url, channel.customer));
        }
        println!("  {:<10} {}\n", "Chat page", address(&desk.url, conversation::CUSTOMER));
        print_examples(&integration, &next);
        operator::print_commands(stack, &platform, &url, &desk.url)?;
        println!("The functions' log lines: {}", std::env::var("STACK_LOG")?);
        println!("Ctrl-C takes everything down.\n");
        follow(&mut service).await?;
    }
    Ok(good)
}

/// The file of the screenshot, with `--screenshot PATH`.
fn screenshot_path() -> Option<PathBuf> {
    std::env::args().skip_while(|argument| argument != "--screenshot").nth(1).map(PathBuf::from)
}

/// The address of a customer's conversation at the desk.
fn address(desk: &str, customer: &str) -> String {
    // A phone number begins with a plus sign.
    format!("{desk}/?customer={}", customer.replace('+', "%2B"))
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn print_examples(integration: &TestIntegration, conversation: &Conversation) {
    let Conversation { conversation_id, communication_id, .. } = conversation;
    let agent_route = format!("conversations/{conversation_id}/communications/{communication_id}/messages");
    println!(
        r#"Send one yourself, signed as Genesys Cloud signs:

  BODY='{{"id":"my-1","type":"Text","text":"Hello!","direction":"Outbound","channel":{{"id":"{INTEGRATION_ID}","to":{{"id":"me"}},"from":{{"nickname":"Acme"}}}}}}'
  SIGNATURE=$(printf %s "$BODY" | python3 -c 'import base64, hashlib, hmac, sys; print(base64.b64encode(hmac.new(b"{WEBHOOK_SECRET}", sys.stdin.buffer.read(), hashlib.sha256).digest()).decode())')
  curl -i --fail-with-body '{0}' \
    -H 'content-type: application/json' -H "x-hub-signature-256: sha256=$SIGNATURE" -d "$BODY"

A repeat is acknowledged and not delivered again.

Write as the customer, send a card, write as the agent, send an agentless message, and report the status of a message:

  curl -i --fail-with-body '{3}' -H 'content-type: application/json' -H 'authorization: Bearer {BEARER_TOKEN}' \
    -d '{{"messageId":"from-ada-1","from":{{"id":"ada"}},"time":"2026-01-02T03:04:05Z","text":"Hello!"}}'
  curl -i --fail-with-body '{4}' -H 'content-type: application/json' -H 'authorization: Bearer {BEARER_TOKEN}' \
    -d '{{"to":"ada","card":{{"title":"A card","actions":[{{"type":"postBack","title":"Fine","payload":"fine"}}]}}}}'
  curl -i --fail-with-body '{5}' -H 'content-type: application/json' -H 'authorization: Bearer {BEARER_TOKEN}' \
    -d '{{"textBody":"How can I help?"}}'

  curl -i --fail-with-body '{1}' -H 'content-type: application/json' -H 'authorization: Bearer {BEARER_TOKEN}' \
    -d '{{"toAddress":"me","textBody":"Hello!"}}'
  curl -i --fail-with-body '{2}' -H 'content-type: application/json' -H 'authorization: Bearer {BEARER_TOKEN}' \
    -d '{{"messageId":"my-1","to":{{"id":"me"}},"status":"delivered"}}'

"#,
        integration.webhook_url(),
        integration.route_url("agentless"),
        integration.route_url("receipts"),
        integration.route_url("inbound/messages"),
        integration.route_url("cards"),
        integration.route_url(&agent_route),
    );
}

/// Prints later deliveries.
async fn follow(service: &mut SampleService) -> Result<(), Box<dyn Error>> {
    while let Some(line) = service.output.next_line().await? {
        println!("  {line}");
    }
    Err("the sample messaging service has ended".into())
}
