//! Schemathesis generates valid and invalid requests from the document and finds no deviation of the deployed
//! functions.

use super::examples::assets;
use super::{Fixture, INTEGRATION_ID};
use futures::future::{join, join_all};
use tests::harness::caller::BEARER_TOKEN;
use tests::harness::stack::{TestIntegration, WEBHOOK_SECRET};
use tests::simulators::highlevel::{self, api::HighLevel};
use tests::simulators::messaging_service::MessagingService;
use tests::spec::openapi::{Document, root};
use tokio::process::Command;

/// The operations by tag. Each group runs in its own process.
const GROUPS: [&[&str]; 3] = [&["Platform", "Customers"], &["Agents"], &["Messages"]];

/// The operation that only HighLevel has.
const OF_HIGHLEVEL: &str = "cancelAgentlessMessage";

/// Runs it on the operations with these tags, on Genesys Cloud. Returns the number of operations.
async fn run_tags(tags: &[&str], service: &MessagingService, assets: &str) -> usize {
    let fixture = Fixture::start("messaging-service", &service.url, assets).await;
    let tags = tags.iter().flat_map(|tag| ["--include-tag", tag]);
    let selection: Vec<_> = tags.chain(["--exclude-operation-id", OF_HIGHLEVEL]).collect();
    run(&selection, &fixture.with_platform.integration, &fixture, assets).await
}

/// Runs it on the operation that only HighLevel has.
async fn run_on_highlevel(service: &MessagingService, assets: &str) -> usize {
    let fixture = Fixture::start("messaging-service", &service.url, assets).await;
    let platform = HighLevel::start().await;
    let stack = &fixture.with_platform.stack;
    let integration = highlevel::integration(stack, &highlevel::Keys::generate(), &service.url, |configuration| {
        configuration["apiBaseUrl"] = platform.url.clone().into();
    })
    .await;
    run(&["--include-operation-id", OF_HIGHLEVEL], &integration, &fixture, assets).await
}

/// Runs it on some operations. Returns their number.
async fn run(selection: &[&str], integration: &TestIntegration, fixture: &Fixture, assets: &str) -> usize {
    let output = Command::new(root().join(".venv/schemathesis/bin/schemathesis"))
        .args(["--config-file", "tests/openapi/schemathesis.toml", "run", "docs/openapi.yaml", "--no-color"])
        .args(selection)
        .current_dir(root())
        .env("API_URL", &fixture.with_platform.stack.api_url)
        .env("INTEGRATION", integration.name.as_str())
        .env("INTEGRATION_ID", INTEGRATION_ID)
        .env("CONVERSATION_ID", &fixture.conversation.conversation_id)
        .env("COMMUNICATION_ID", &fixture.conversation.communication_id)
        .env("ASSETS_URL", assets)
        .env("BEARER_TOKEN", BEARER_TOKEN)
        .env("WEBHOOK_SECRET", WEBHOOK_SECRET)
        .kill_on_drop(true)
        .output()
        .await
        .expect("Schemathesis is there: `make setup-tests` makes it");
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{printed}");
    assert!(output.status.success(), "{printed}\n{errors}");
    let tested = printed.lines().find_map(|line| line.trim().strip_prefix("Tested: "));
    tested.and_then(|count| count.parse().ok()).expect("it says what it has tested")
}

#[tokio::test]
async fn schemathesis_finds_no_deviation_from_the_document() {
    let (service, assets) = (MessagingService::start().await, assets());
    let on_genesys_cloud = join_all(GROUPS.map(|tags| run_tags(tags, &service, &assets.origin)));
    let (tested, on_highlevel) = join(on_genesys_cloud, run_on_highlevel(&service, &assets.origin)).await;
    let documented = Document::read().operations_of_platforms_and_callers().len();
    assert_eq!(documented, tested.iter().sum::<usize>() + on_highlevel);
}
