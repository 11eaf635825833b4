//! Runs the commands of README.md and of the guides.

use super::guide_fixture::Fixture;
use serde_json::json;
use tests::harness::stack::{DEAD_LETTERS, FAILED_MESSAGES};
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::api::oauth::{CLIENT_SECRET, UserType};
use tests::simulators::multicloud_cx::api::{APP_SECRET, CONTACT_CENTER_ID, MulticloudCx};
use tests::simulators::telegram::{self, Telegram};
use tests::simulators::twilio::{self, Twilio};

/// The documents whose commands these tests run.
pub(super) const RUN: &[&str] = &[
    "README.md",
    "docs/api.md",
    "docs/command.md",
    "docs/connect-genesys-cloud.md",
    "docs/connect-highlevel.md",
    "docs/connect-multicloud-cx.md",
    "docs/connect-telegram.md",
    "docs/connect-twilio.md",
    "docs/messaging-service.md",
    "docs/operate.md",
];

#[tokio::test]
async fn the_receipt_in_the_guide_for_messaging_services_is_posted() {
    let mut fixture = Fixture::connected().await;
    let printed = fixture.run_all("docs/messaging-service.md").await;
    assert!(printed.contains("posted"), "{printed}");
    let [call] = &fixture.platform.calls()[..] else { panic!("{:?}", fixture.calls()) };
    let reason = json!([{"code": "GeneralError", "message": "Unreachable destination handset (30003)"}]);
    assert_eq!((&json!("Failed"), &reason), (&call.body["status"], &call.body["reasons"]));
}

#[tokio::test]
async fn the_calls_in_the_guide_to_the_routes_work() {
    let mut fixture = Fixture::connected().await;
    let printed = fixture.run_all("docs/api.md").await;
    // One is posted at once, the other from the queue.
    fixture.platform.wait_for_calls_of("inbound-message", 2).await;
    let expected = [
        "structured-response",
        "inbound-event",
        "agentless",
        "create-upload",
        "media",
        "media",
        "agent-message",
        "agent-typing",
        "end-conversation",
        "agentless",
        "receipt",
    ];
    let calls = fixture.calls();
    // Each process of a function looks a conversation up once.
    let is_ordered = |operation: &&&str| !["inbound-message", "conversation"].contains(operation);
    let ordered: Vec<_> = calls.iter().filter(is_ordered).copied().collect();
    assert_eq!(expected.as_slice(), ordered.as_slice(), "{printed}");
    let count = |wanted: &str| calls.iter().filter(|operation| **operation == wanted).count();
    assert!(count("inbound-message") == 2 && count("conversation") >= 3, "{calls:?}");
    let card = fixture.service.wait_until(|attempts| !attempts.is_empty()).await;
    assert_eq!("message.structured", card[0].body["type"]);
}

#[tokio::test]
async fn the_example_in_python_works() {
    let fixture = Fixture::connected().await;
    fixture.run_the_signed_example("python", &["-c", &fixture.example("python")]).await;
}

#[tokio::test]
async fn the_example_in_node_works() {
    let fixture = Fixture::connected().await;
    fixture.file("example.mjs", &fixture.example("js"));
    fixture.run_the_signed_example("node", &["example.mjs"]).await;
}

#[tokio::test]
async fn following_the_readme_delivers_a_message_to_a_customer() {
    let mut fixture = Fixture::unconnected().await;
    let printed = fixture.run_all("README.md").await;
    assert_eq!(vec!["agentless"], fixture.calls(), "{printed}");
}

#[tokio::test]
async fn following_the_guide_to_genesys_cloud_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    fixture.run_all("docs/connect-genesys-cloud.md").await;
    assert!(!fixture.service.accepted().is_empty());
}

#[tokio::test]
async fn following_the_guide_to_multicloud_cx_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    let platform = MulticloudCx::start().await;
    fixture.replaced.extend([
        ("https://api-eu.genesyscloud.example", platform.url.clone()),
        ("8b3c7a52-0f4e-4a7e-9c33-b1f5c7a2d9e0", CONTACT_CENTER_ID.to_owned()),
    ]);
    fixture.file("app-secret", APP_SECRET);
    fixture.run_all("docs/connect-multicloud-cx.md").await;
    assert!(!fixture.service.accepted().is_empty());
}

#[tokio::test]
async fn following_the_guide_to_highlevel_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    let platform = HighLevel::start().await;
    let here = format!("--platform highlevel --api-base-url {}", platform.url);
    fixture.replaced.push(("--platform highlevel", here));
    fixture.file("client-secret", CLIENT_SECRET);
    let code = platform.oauth().authorize("l1C08ntBrFjLS0elLIYU", UserType::Location);
    fixture.replaced.push(("integration authorize", format!("integration authorize --code {code}")));
    fixture.run_all("docs/connect-highlevel.md").await;
}

#[tokio::test]
async fn following_the_guide_to_telegram_connects_a_bot() {
    let mut fixture = Fixture::unconnected().await;
    let telegram = Telegram::start();
    let here = format!("--channel telegram --channel-api-url {}", telegram.url);
    fixture.replaced.push(("--channel telegram", here));
    fixture.file("bot-token", telegram::TOKEN);
    fixture.run_all("docs/connect-telegram.md").await;
    assert!(telegram.deliver(&telegram.text(5_550_010, "Hello")).await.is_success());
    fixture.platform.wait_for_calls_of("inbound-message", 1).await;
}

#[tokio::test]
async fn following_the_guide_to_twilio_connects_a_number() {
    const SECONDARY: &str = "secondary-auth-token-of-the-tests";
    const NEW_KEY: &str = "SK11111111111111111111111111111111";
    let mut fixture = Fixture::unconnected().await;
    let twilio = Twilio::start();
    let (account, key) = (twilio::ACCOUNT_SID, format!("{}:{}", twilio::API_KEY, twilio::API_KEY_SECRET));
    let tokens = [twilio::AUTH_TOKEN, SECONDARY].map(|token| format!("{account}:{token}"));
    twilio.keys().change_to(&[&tokens[0], &tokens[1], &key, &format!("{NEW_KEY}:new-secret")]);
    let here = format!("--channel twilio --channel-api-url {}", twilio.url);
    fixture.replaced.push(("--channel twilio", here));
    // The answer to the question whether the number's webhooks may be set.
    fixture.replaced.push(("--sender +15005550006", "--sender +15005550006 --yes".to_owned()));
    // In between the token would have to be promoted.
    let finish = "--secret auth-token --finish";
    fixture.replaced.push((finish, format!("{finish} --no-platform")));
    for (file, secret) in [
        ("auth-token", twilio::AUTH_TOKEN),
        ("secondary-token", SECONDARY),
        ("api-key-secret", twilio::API_KEY_SECRET),
        ("new-api-key-secret", "new-secret"),
    ] {
        fixture.file(file, secret);
    }
    fixture.run_all("docs/connect-twilio.md").await;
    twilio.set_auth_token(SECONDARY);
    let delivered = twilio.receive(&twilio::Inbound::text("+15005550010", "Hello")).await;
    delivered.answer().unwrap_or_else(|| panic!("{delivered:?}")).assert_received();
    fixture.platform.wait_for_calls_of("inbound-message", 1).await;
}

#[tokio::test]
async fn the_commands_in_the_guide_to_the_command_work() {
    let mut fixture = Fixture::after_a_message().await;
    let printed = fixture.run_all("docs/command.md").await;
    let expected = ["inbound-message", "inbound-event", "structured-response", "agentless", "agentless", "receipt"];
    assert_eq!(expected.as_slice(), fixture.calls(), "{printed}");
}

#[tokio::test]
async fn the_commands_in_the_guide_for_operators_work() {
    let mut fixture = Fixture::after_a_message().await;
    let _alone = (DEAD_LETTERS.lock().await, FAILED_MESSAGES.lock().await);
    let printed = fixture.run_all("docs/operate.md").await;
    assert!(printed.contains("delivered"), "{printed}");
}
