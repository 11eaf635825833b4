//! Dispatchers are killed at the worst moment. In a separate test binary, because all messages in flight at that moment
//! are delivered twice.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

use futures::future::join_all;
use std::fs;
use std::process::Command;
use tests::harness::dispatchers::{AT_ONCE, HoldingService, of, repeats};
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud;
use tests::simulators::messaging_service::Reply;

/// The number of messages per customer.
const MESSAGES: usize = 6;
/// How often all dispatchers are killed. Each time, one message of a customer may be in flight.
const KILLED: usize = 2;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
async fn messages_in_flight_in_six_killed_dispatchers_are_delivered_again_with_the_same_id_and_in_order() {
    let stack = Stack::connect().await;
    let holding = HoldingService::with_handler(|attempt, before| {
        // The message has arrived. Now its sender is killed before it gets the response.
        if attempt.customer() == "busy-0" && attempt.text() == "3" && before == 0 {
            assert!(kill_dispatchers() > 0, "no dispatcher was running");
        }
        Reply::status(200)
    })
    .await;
    let integration = stack.integration(&holding.service.url, |_| {}).await;

    // All six are killed while each waits for a response.
    let held = holding.occupy(&stack, &integration, async |_| {}).await;
    assert!(kill_dispatchers() >= AT_ONCE, "fewer processes than busy dispatchers");
    holding.answer();
    // Other customers' messages flow until the dispatchers are killed again.
    let busy: Vec<_> = (0..AT_ONCE).map(|number| format!("busy-{number}")).collect();
    let held: Vec<_> = held.into_iter().map(|(customer, _)| customer).collect();
    let later = held.iter().map(|customer| send(&stack, &integration, customer, 1));
    let new = busy.iter().map(|customer| send(&stack, &integration, customer, 0));
    tokio::join!(join_all(later), join_all(new));

    let last = (MESSAGES - 1).to_string();
    let customers: Vec<_> = held.iter().chain(&busy).collect();
    let attempts = holding
        .service
        .wait_until(|attempts| {
            customers.iter().all(|customer| of(attempts, customer).any(|attempt| attempt.text() == last))
        })
        .await;
    for customer in customers {
        let repeats = repeats(&attempts, customer, MESSAGES);
        assert!(repeats <= KILLED, "{customer}: {repeats} repeats");
        assert!(repeats > 0 || !(held.contains(customer) || customer == "busy-0"), "{customer} had one on its way");
    }
}

/// Sends the customer's messages from number `first` on.
async fn send(stack: &Stack, integration: &TestIntegration, customer: &str, first: usize) {
    for number in first..MESSAGES {
        genesys_cloud::text(integration, customer, &number.to_string()).accepted(stack, integration).await;
    }
}

/// Kills the dispatcher processes of this stack. Returns how many there were.
fn kill_dispatchers() -> usize {
    let endpoint = format!("AWS_ENDPOINT_URL={}", std::env::var("AWS_ENDPOINT_URL").unwrap());
    let mut killed = 0;
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
        let environment = String::from_utf8_lossy(&environment);
        let dispatcher = environment.split('\0').any(|variable| {
            variable.starts_with("AWS_LAMBDA_FUNCTION_NAME=") && variable.contains("MessageDispatcher")
        });
        if dispatcher && environment.split('\0').any(|variable| variable == endpoint) {
            let killing = Command::new("kill").arg("-KILL").arg(process.file_name()).status().unwrap();
            killed += usize::from(killing.success());
        }
    }
    killed
}
