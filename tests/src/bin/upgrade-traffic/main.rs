//! Sends messages through the stack in both directions, runs a command meanwhile (an upgrade), and reports the results:
//!
//! ```text
//! upgrade-traffic COMMAND [ARGUMENT ...]
//! ```
//!
//! Many customers' webhooks go in at the API's URL and arrive at a messaging service, and so does a conversation event that
//! is put onto the queue before. Callers' requests with idempotency keys go in there too and arrive at a simulated platform.
//! The exit code is 0 only if no message was lost, duplicated or out of order, and the command succeeded.

#![allow(clippy::print_stdout)]

mod event;
mod report;
mod traffic;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tests::harness::stack::Stack;
use tests::harness::tally::{Arrived, Phase, Tally};
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::messaging_service::MessagingService;
use tokio::process::Command;
use traffic::Traffic;

/// The time limit for the queue to drain. A message in flight in a stopped function becomes visible again within half a
/// minute.
const WAIT_TIMEOUT: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut command = std::env::args_os().skip(1);
    let Some(program) = command.next() else { return Err("a command to run is required".into()) };
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let platform = GenesysCloud::start().await;
    let integration = stack.integration(&service.url, |configuration| platform.host(configuration)).await;
    let mut traffic = Traffic::start(&stack, &integration);

    traffic.flow().await?;
    let event = event::enqueue(&stack, &integration).await?;
    println!("  Messages are flowing; the upgrade starts");
    traffic.enter(Phase::During);
    let began = Instant::now();
    let status = Command::new(program).args(command).kill_on_drop(true).status().await?;
    println!("  The upgrade took {} s; messages keep flowing for a while", began.elapsed().as_secs());
    traffic.enter(Phase::After);
    let sent = traffic.end().await?;
    println!("  Everything is sent; waiting for the queue to drain");
    let emptied = is_empty_in_time(&stack, &stack.queue_url).await?;
    let dead_letters = waiting(&stack, &std::env::var("DEAD_LETTER_QUEUE_URL")?).await?;

    let deliveries = service
        .accepted()
        .into_iter()
        .map(|attempt| Arrived { id: attempt.message_id().to_owned(), delivery_id: Some(attempt.id) });
    let calls = platform.calls_of("agentless").into_iter().map(|call| Arrived {
        id: call.body.get("textBody").and_then(Value::as_str).unwrap_or_default().to_owned(),
        delivery_id: None,
    });
    let webhooks = Tally::of(&[sent.webhooks, vec![event]].concat(), &deliveries.collect::<Vec<_>>());
    let requests = Tally::of(&sent.requests, &calls.collect::<Vec<_>>());
    report::print(&webhooks, &requests);
    let faults = [
        (!status.success(), format!("The upgrade failed: {status}")),
        (!emptied, "The queue did not become empty".to_owned()),
        (dead_letters > 0, format!("{dead_letters} messages are dead letters")),
        (!webhooks.is_good() || !requests.is_good(), "Not all messages were delivered correctly".to_owned()),
    ];
    let mut good = true;
    for (_, fault) in faults.iter().filter(|(there, _)| *there) {
        println!("✗ {fault}");
        good = false;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn is_empty_in_time(stack: &Stack, queue_url: &str) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    while waiting(stack, queue_url).await? > 0 {
        if began.elapsed() > WAIT_TIMEOUT {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(true)
}

/// The number of messages on the queue, including those in flight.
async fn waiting(stack: &Stack, queue_url: &str) -> Result<u64, Box<dyn Error>> {
    let all = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let request = stack.sqs.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(all.to_vec()));
    let attributes = request.send().await?.attributes.unwrap_or_default();
    let mut count = 0;
    for name in &all {
        count += attributes.get(name).ok_or("the queue does not tell how many messages it has")?.parse::<u64>()?;
    }
    Ok(count)
}
