//! An integration with a channel is removed by the command, and with it what the other sides have, if that is asked for.

use crate::cli::fixture::Fixture;
use serde_json::json;
use tests::harness::command::Command;
use tests::simulators::telegram::Telegram;
use tests::simulators::twilio::{self, Twilio};

impl Fixture {
    /// With both other sides.
    fn remove_all(&self) -> Command {
        self.command(&["remove", &self.name, "--platform-too", "--channel-too"])
    }
}

#[tokio::test]
async fn a_removed_integration_says_what_is_left_and_deletes_the_webhook_if_asked_to() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    let remove = |more: &[&str]| fixture.human(&["remove", &fixture.name, "--yes"]).with(more);
    let removed = remove(&[]).run().await.succeeded();
    assert!(removed.stdout.contains("webhook is still set"), "{removed:?}");
    assert!(telegram.webhook().is_some());
    let _ = fixture.command(&["restore", &fixture.name]).run().await.succeeded();
    let removed = remove(&["--channel-too"]).run().await.succeeded();
    assert!(!removed.stdout.contains("still set"), "{removed:?}");
    assert_eq!(None, telegram.webhook());
}

#[tokio::test]
async fn a_webhook_that_leads_elsewhere_is_not_deleted() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    fixture.call_telegram(&telegram, "setWebhook", &json!({"url": "https://example.com/bot"})).await;
    let refused = fixture.command(&["remove", &fixture.name, "--yes", "--channel-too"]).run().await.exited_with(1);
    assert!(refused.stderr.contains("not sent to this stack"), "{refused:?}");
    assert!(telegram.webhook().is_some() && fixture.listed().await == 1);
}

#[tokio::test]
async fn nothing_is_deleted_if_one_of_the_sides_leads_elsewhere() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    fixture.call_telegram(&telegram, "setWebhook", &json!({"url": "https://example.com/bot"})).await;
    // Nothing is asked either.
    let refused = fixture.remove_all().run().await.exited_with(1);
    assert!(refused.stderr.contains("the bot's updates are not sent to this stack"), "{refused:?}");
    assert_eq!((1, 1), (fixture.platform.integrations().len(), fixture.listed().await));

    let _ = fixture.add_telegram(&telegram).with(&["--yes"]).run().await.succeeded();
    fixture.redirect_webhooks();
    let refused = fixture.remove_all().run().await.exited_with(1);
    assert!(refused.stderr.contains("are sent elsewhere"), "{refused:?}");
    assert!(telegram.webhook().is_some() && fixture.listed().await == 1);

    let _ = fixture.add_telegram(&telegram).with(&["--yes"]).run().await.succeeded();
    let _ = fixture.remove_all().with(&["--yes"]).run().await.succeeded();
    assert!(fixture.platform.integrations().is_empty() && telegram.webhook().is_none());
}

#[tokio::test]
async fn nothing_is_deleted_if_the_channel_is_not_one_that_the_command_disconnects() {
    let (fixture, twilio) = (Fixture::new().await, Twilio::start());
    let _ = fixture.add_twilio(&twilio).with(&["--sender", twilio::NUMBER]).run().await.succeeded();
    let refused = fixture.remove_all().with(&["--yes"]).run().await.exited_with(2);
    assert!(refused.stderr.contains("--channel-too is for Telegram only"), "{refused:?}");
    assert_eq!((1, 1), (fixture.platform.integrations().len(), fixture.listed().await));
}
