//! What `make run` shows: signed webhooks of every kind going in at the HTTP API, and coming out at a messaging service.
//!
//! Ends with an error when anything went another way than it should. With `--once` it ends after the table; without,
//! it keeps the stack up until Ctrl-C. With `--watch` the HTTP API is `cargo lambda watch`, which runs the functions from
//! the source as it changes.

#![allow(clippy::print_stdout)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use tests::genesys_cloud::{Answer, BROKEN, DOCUMENTATION, WIRE, Webhook};
use tests::stack::{SIGNING_SECRET, Stack, TestIntegration, WEBHOOK_SECRET};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};

const INTEGRATION: &str = "acme";
const INTEGRATION_ID: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";
const CUSTOMER: &str = "customer-17";
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to become of a webhook.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Delivered,
    DeliveredOnce,
    Refused(u16),
}

/// One line of the table.
struct Row {
    what: String,
    webhook: Webhook,
    expected: Expected,
    answer: Answer,
}

struct SampleService {
    url: String,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let asked_for = |option| std::env::args().any(|argument| argument == option);
    let mut stack = Stack::connect().await;
    let mut watch = if asked_for("--watch") { Some(CargoLambdaWatch::spawn()?) } else { None };
    if let Some(watch) = &watch {
        stack.api_url.clone_from(&watch.url);
    }
    // Whatever ends it, what it started is ended too.
    let result = tokio::select! {
        result = show(&stack, watch.as_ref(), asked_for("--once")) => result,
        interrupted = interrupted() => interrupted.map(|()| true),
    };
    if let Some(watch) = &mut watch {
        watch.stop().await?;
    }
    Ok(if result? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns when somebody wants this to end.
async fn interrupted() -> Result<(), Box<dyn Error>> {
    let (mut terminated, mut hung_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    Ok(())
}

/// Does the main job; says whether all went as it should.
async fn show(stack: &Stack, watch: Option<&CargoLambdaWatch>, once: bool) -> Result<bool, Box<dyn Error>> {
    if let Some(watch) = watch {
        watch.ready().await?;
    }
    let mut service = SampleService::start().await?;
    let url = format!("{}/messages", service.url);
    let integration = stack.integration_named(INTEGRATION, INTEGRATION_ID, &url, |_| {}).await;

    println!("\nGenesys Cloud posts to {}", integration.webhook_url());
    let rows = post_all(stack, &integration).await;
    let deliveries = service.wait_for(&rows).await?;

    println!("\nWhat the messaging service at {url} got:\n");
    for _ in unique_ids(&deliveries) {
        println!("  {}", service.output.next_line().await?.unwrap_or_default());
    }
    let good = print_table(&rows, &deliveries);
    if !once {
        print_examples(&integration);
        follow(&mut service).await?;
    }
    Ok(good)
}

/// Posts a sample of every kind, and what must not get through.
async fn post_all(stack: &Stack, integration: &TestIntegration) -> Vec<Row> {
    let fill = |sample: &tests::genesys_cloud::Sample| sample.fill(INTEGRATION_ID, CUSTOMER);
    let wire = WIRE.iter().map(|sample| (sample.name.to_owned(), fill(sample), Expected::Delivered));
    let documentation = DOCUMENTATION
        .iter()
        .map(|sample| (format!("{} (documentation)", sample.name), fill(sample), Expected::Delivered));
    let text = fill(&WIRE[0]);
    let further = [
        ("text".to_owned(), text.clone(), Expected::DeliveredOnce),
        ("the same text again".to_owned(), text.clone(), Expected::DeliveredOnce),
        (
            "forged signature".to_owned(),
            fill(&WIRE[0]).signed_with("not-the-integrations-secret"),
            Expected::Refused(401),
        ),
        ("no signature".to_owned(), Webhook { signature: None, ..fill(&WIRE[0]) }, Expected::Refused(401)),
        ("broken JSON (documentation)".to_owned(), fill(&BROKEN[0]), Expected::Refused(400)),
        (
            "of another integration".to_owned(),
            WIRE[0].fill("00000000-0000-0000-0000-000000000000", CUSTOMER),
            Expected::Refused(403),
        ),
        ("too large".to_owned(), Webhook::new("x".repeat(1_000_001)), Expected::Refused(413)),
    ];
    let mut rows = Vec::new();
    for (what, webhook, expected) in wire.chain(documentation).chain(further) {
        let answer = webhook.post(stack, integration).await;
        rows.push(Row { what, webhook, expected, answer });
    }
    rows
}

impl Row {
    fn deliveries<'d>(&self, deliveries: &'d [Value]) -> Vec<&'d Value> {
        let Ok(sent) = serde_json::from_slice::<Value>(&self.webhook.body) else { return Vec::new() };
        deliveries.iter().filter(|delivery| delivery.pointer("/delivery/data/original") == Some(&sent)).collect()
    }

    fn as_expected(&self, deliveries: &[Value]) -> bool {
        let arrived = self.deliveries(deliveries).len();
        match self.expected {
            Expected::Delivered | Expected::DeliveredOnce => self.answer.status == 200 && arrived == 1,
            Expected::Refused(status) => self.answer.status == status && arrived == 0,
        }
    }
}

fn unique_ids(deliveries: &[Value]) -> BTreeSet<&str> {
    deliveries.iter().filter_map(|delivery| delivery.get("webhookId")?.as_str()).collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn print_table(rows: &[Row], deliveries: &[Value]) -> bool {
    println!("\n  {:<29} {:<9} {:<25} refused because", "sent", "answered", "delivered");
    println!("  {}", "─".repeat(110));
    let mut good = true;
    for row in rows {
        let arrived = row.deliveries(deliveries);
        let delivered = match arrived.first() {
            Some(delivery) => {
                let count = if arrived.len() == 1 { "once" } else { "more than once" };
                format!("{}, {count}", text(delivery, "/delivery/type"))
            }
            None => "—".to_owned(),
        };
        let note = text(&row.answer.body, "/detail");
        let mark = if row.as_expected(deliveries) { "✓" } else { "✗" };
        good &= row.as_expected(deliveries);
        println!("{mark} {:<29} {:<9} {delivered:<25} {note}", row.what, row.answer.status.as_u16());
    }
    println!();
    good
}

fn print_examples(integration: &TestIntegration) {
    println!(
        r#"Send one yourself, signed as Genesys Cloud signs:

  BODY='{{"id":"my-1","type":"Text","text":"Hello!","direction":"Outbound","channel":{{"id":"{INTEGRATION_ID}","to":{{"id":"me"}},"from":{{"nickname":"Acme"}}}}}}'
  SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac '{WEBHOOK_SECRET}' -binary | base64)
  curl -i {} \
    -H 'content-type: application/json' -H "x-hub-signature-256: sha256=$SIGNATURE" -d "$BODY"

Sent again it is answered again, and not delivered again. Without openssl, the signature in Python:

  SIGNATURE=$(printf %s "$BODY" | python3 -c 'import base64, hashlib, hmac, sys; print(base64.b64encode(hmac.new(b"{WEBHOOK_SECRET}", sys.stdin.buffer.read(), hashlib.sha256).digest()).decode())')

The functions' log lines: {}
Ctrl-C takes everything down.
"#,
        integration.webhook_url(),
        std::env::var("STACK_LOG").unwrap_or_default(),
    );
}

/// Shows what else arrives.
async fn follow(service: &mut SampleService) -> Result<(), Box<dyn Error>> {
    while let Some(line) = service.output.next_line().await? {
        println!("  {line}");
    }
    Err("the sample messaging service has ended".into())
}

/// `cargo lambda watch`, serving the functions from the source.
struct CargoLambdaWatch {
    url: String,
    port: u16,
    process: Child,
}

impl CargoLambdaWatch {
    fn spawn() -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new("cargo-lambda")
            .args(["lambda", "watch", "--invoke-port", &port.to_string()])
            .stdin(Stdio::null())
            .process_group(0) // Ctrl-C is for us; it is ended in its turn
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), port, process })
    }

    /// Returns when it answers.
    async fn ready(&self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if started.elapsed() > PATIENCE {
                return Err("cargo lambda watch did not start".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Ends it as Ctrl-C does, so that it ends the functions that it runs.
    async fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        if let Some(pid) = self.process.id() {
            Command::new("kill").args(["-INT", &pid.to_string()]).status().await?;
            tokio::time::timeout(PATIENCE, self.process.wait()).await??;
        }
        Ok(())
    }
}

impl SampleService {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?.with_file_name("sample-messaging-service"))
            .env("SIGNING_SECRET", SIGNING_SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let url = output.next_line().await?.ok_or("the sample messaging service did not start")?;
        Ok(Self { url, output, _process: process })
    }

    /// Waits until everything has arrived that should, and returns all deliveries.
    async fn wait_for(&self, rows: &[Row]) -> Result<Vec<Value>, Box<dyn Error>> {
        let started = Instant::now();
        loop {
            let deliveries = reqwest::get(format!("{}/deliveries", self.url)).await?.bytes().await?;
            let deliveries: Vec<Value> = serde_json::from_slice(&deliveries)?;
            if rows.iter().all(|row| row.as_expected(&deliveries)) || started.elapsed() > PATIENCE {
                return Ok(deliveries);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
