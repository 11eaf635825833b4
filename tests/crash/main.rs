//! The dispatcher dies at the worst moment. Alone in its binary, because every message that is on its way at that
//! moment is delivered twice.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

use std::fs;
use std::process::Command;
use tests::genesys_cloud;
use tests::messaging_service::{MessagingService, Reply};
use tests::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_that_dies_between_delivery_and_completion_delivers_again_under_the_same_id() {
    let stack = Stack::connect().await;
    let service = MessagingService::behaving(|_, before| {
        // The message is here; now its sender dies before it can hear our answer.
        if before == 0 {
            kill_dispatchers();
        }
        Reply::status(200)
    })
    .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, "c", "hello");
    webhook.accepted(&stack, &integration).await;
    let attempts = service.wait_until(|attempts| attempts.len() == 2).await;
    assert_eq!(attempts[0].id, attempts[1].id);
    assert_eq!(attempts[0].raw, attempts[1].raw);
}

/// Kills the dispatcher's processes of this very stack.
fn kill_dispatchers() {
    let endpoint = format!("AWS_ENDPOINT_URL={}", std::env::var("AWS_ENDPOINT_URL").unwrap());
    let mut killed = 0;
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
        let environment = String::from_utf8_lossy(&environment);
        let dispatcher = environment.split('\0').any(|variable| {
            variable.starts_with("AWS_LAMBDA_FUNCTION_NAME=") && variable.contains("MessageDispatcher")
        });
        if dispatcher && environment.split('\0').any(|variable| variable == endpoint) {
            let pid = process.file_name();
            assert!(Command::new("kill").arg("-KILL").arg(&pid).status().unwrap().success());
            killed += 1;
        }
    }
    assert!(killed > 0, "no dispatcher was running");
}
