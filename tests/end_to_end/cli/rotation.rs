//! `patchbay integration rotate`: secrets change while messages flow.

use crate::cli::fixture::Fixture;
use crate::cli::rotation_under_traffic::finished_once_unused;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::genesys_cloud::api::CLIENT_SECRET;

/// The time limit for the receiver to notice that a secret is no longer valid.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The secret that the platform signs with.
fn signs_with(fixture: &Fixture) -> String {
    let integration = &fixture.platform.integrations()[0];
    integration["outboundNotificationWebhookSignatureSecretToken"].as_str().unwrap().to_owned()
}

/// The status of a webhook that is signed with this secret.
async fn answer_to(fixture: &Fixture, secret: &str) -> u16 {
    let id = fixture.platform.integrations()[0]["id"].as_str().unwrap().to_owned();
    let webhook = WIRE[0].fill(&id, "customer-1").signed_with(secret);
    webhook.post_to(&fixture.stack, &fixture.webhook_url()).await.status.as_u16()
}

#[tokio::test]
async fn the_webhook_secret_is_rotated_without_a_refused_message() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let old = signs_with(&fixture);
    fixture.message_is_accepted().await;

    // Messages flow while the command runs.
    let rotate = fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]);
    let mut rotating = Box::pin(rotate.clone().run());
    let rotated = loop {
        tokio::select! {
            rotated = &mut rotating => break rotated,
            () = fixture.message_is_accepted() => {}
        }
    };
    assert_eq!(2, rotated.succeeded().json()["good"]);
    let new = signs_with(&fixture);
    assert_ne!(old, new);
    fixture.message_is_accepted().await;
    assert_eq!((200, 200), (answer_to(&fixture, &old).await, answer_to(&fixture, &new).await));

    // A second run changes nothing.
    assert_eq!(2, rotate.run().await.succeeded().json()["good"]);
    assert_eq!(new, signs_with(&fixture));

    let finish = fixture.command(&["rotate", &fixture.name, "--secret", "webhook", "--finish"]);
    let in_use = finish.clone().run().await.exited_with(1);
    assert!(in_use.stderr.contains("the old secret is still used"), "{in_use:?}");
    assert_eq!(1, finished_once_unused(&finish).await.json()["good"]);
    let nothing = finish.run().await.exited_with(1);
    assert!(nothing.stderr.contains("nothing to finish"), "{nothing:?}");
    fixture.message_is_accepted().await;
    // A failed signature makes the receiver reload the configuration, once in ten seconds.
    let until = Instant::now() + WAIT_TIMEOUT;
    while answer_to(&fixture, &old).await != 401 {
        assert!(Instant::now() < until, "the old secret is still valid");
        assert_eq!(401, answer_to(&fixture, "a-wrong-secret").await);
    }
    fixture.message_is_accepted().await;
    let answered: Vec<_> = fixture.platform.webhooks().iter().map(|posted| posted.answered).collect();
    assert!(answered.iter().all(|status| *status == Some(200)), "{answered:?}");
}

#[tokio::test]
async fn the_old_secret_stays_until_the_platform_has_the_new_one() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let old = signs_with(&fixture);
    fixture.platform.revoke_permission("messaging:integration:edit");
    let interrupted = fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]).run().await.exited_with(1);
    assert!(interrupted.stderr.contains("messaging:integration:edit"), "{interrupted:?}");
    assert!(interrupted.stderr.contains("Completed before that"), "{interrupted:?}");
    let finish = fixture.command(&["rotate", &fixture.name, "--secret", "webhook", "--finish"]);
    let refused = finish.clone().run().await.exited_with(1);
    assert!(refused.stderr.contains("does not sign with the new secret yet"), "{refused:?}");
    assert_eq!(old, signs_with(&fixture));
    fixture.message_is_accepted().await;

    fixture.platform.grant_permission("messaging:integration:edit");
    let _ = fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]).run().await.succeeded();
    let _ = finished_once_unused(&finish).await;
    let shown = fixture.shown().await;
    assert_eq!(json!([signs_with(&fixture)]), shown["configuration"]["webhookSecrets"]);
}

#[tokio::test]
async fn a_caller_and_the_deliveries_have_two_secrets_until_it_is_finished() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await["configuration"].take();
    fixture.service.secrets().change_to(&[before["delivery"]["signingSecrets"][0].as_str().unwrap()]);
    for (secret, list) in [("signing", "/delivery/signingSecrets"), ("caller:flows", "/callers")] {
        let rotate = |more: &[&str]| fixture.command(&["rotate", &fixture.name, "--secret", secret]).with(more);
        let refused = rotate(&["--finish"]).run().await.exited_with(1);
        assert!(refused.stderr.contains("nothing to finish"), "{refused:?}");
        let old: Vec<Value> = before.pointer(list).unwrap().as_array().unwrap().clone();
        let listed = async || fixture.shown().await["configuration"].pointer(list).unwrap().as_array().unwrap().clone();

        let rotated = rotate(&[]).run().await.succeeded();
        let both = listed().await;
        assert_eq!(old.len() + 1, both.len());
        assert!(old.iter().all(|secret| both.contains(secret)), "{secret}");
        let new = both.iter().find(|one| !old.contains(one)).unwrap();
        let new_secret = new.as_str().or(new["bearerToken"].as_str()).unwrap();
        assert!(!rotated.all_output().contains(new_secret), "{rotated:?}");
        if secret == "signing" {
            fixture.service.secrets().change_to(&[new_secret]);
        }

        let _ = rotate(&["--finish"]).run().await.succeeded();
        let after = listed().await;
        assert_eq!(old.len(), after.len());
        assert!(after.contains(new), "{secret}");
    }
}

#[tokio::test]
async fn a_third_secret_is_refused_until_the_rotation_is_finished() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let rotate = |more: &[&str]| fixture.command(&["rotate", &fixture.name, "--secret", "signing"]).with(more);
    let _ = rotate(&["--no-wait"]).run().await.succeeded();
    let both = fixture.shown().await;
    let third = format!("whsec_{}", "c2VjcmV0".repeat(5));
    let refused = rotate(&["--secret-file", "-"]).input(&third).run().await.exited_with(1);
    assert!(
        refused.stderr.contains("a rotation to another secret") && refused.stderr.contains("--finish"),
        "{refused:?}"
    );
    assert!(!refused.all_output().contains(&third), "{refused:?}");
    assert_eq!(both, fixture.shown().await);

    // The new secret may be given again.
    let current = both["configuration"]["delivery"]["signingSecrets"][0].as_str().unwrap();
    let again = rotate(&["--no-wait"]).env("PATCHBAY_SIGNING_SECRET", current).run().await.succeeded();
    assert_eq!(2, again.json()["good"]);
    assert_eq!(both, fixture.shown().await);
}

#[tokio::test]
async fn no_second_webhook_secret_is_written_if_the_webhooks_go_elsewhere() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    fixture.redirect_webhooks();
    let refused = fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]).run().await.exited_with(1);
    assert!(refused.stderr.contains("are sent elsewhere"), "{refused:?}");
    assert_eq!(before, fixture.shown().await);
}

#[tokio::test]
async fn the_clients_secret_is_replaced_by_one_that_the_platform_accepts() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    let rotate = |more: &[&str]| fixture.command(&["rotate", &fixture.name, "--secret", "client"]).with(more);
    let missing = rotate(&[]).run().await.exited_with(2);
    assert!(missing.stderr.contains("PATCHBAY_CLIENT_SECRET"), "{missing:?}");
    let wrong = rotate(&["--secret-file", "-"]).input("hidden-wrong-secret").run().await.exited_with(1);
    assert!(wrong.stderr.contains("refuses the OAuth client's credentials"), "{wrong:?}");
    assert!(!wrong.all_output().contains("hidden"), "{wrong:?}");
    assert_eq!(before, fixture.shown().await);
    let _ = rotate(&[]).env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET).run().await.succeeded();
    let finish = rotate(&["--finish"]).run().await.exited_with(2);
    assert!(finish.stderr.contains("there is nothing to finish"), "{finish:?}");
}

#[tokio::test]
async fn a_new_secret_with_copied_surroundings_is_refused() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    let rotate = || fixture.human(&["rotate", &fixture.name, "--secret", "client"]);
    let spaced = rotate().with(&["--secret-file", "-"]).input("hidden \n").run().await.exited_with(2);
    assert!(spaced.stderr.contains("the secret in standard input must not begin or end with"), "{spaced:?}");
    let lines = rotate().env("PATCHBAY_CLIENT_SECRET", "hidden\nhidden").run().await.exited_with(2);
    assert!(lines.stderr.contains("the secret in PATCHBAY_CLIENT_SECRET must be a single line"), "{lines:?}");
    for ran in [spaced, lines] {
        assert!(!ran.all_output().contains("hidden"), "{ran:?}");
    }
    assert_eq!(before, fixture.shown().await);
}

#[tokio::test]
async fn a_wrong_new_secret_is_prompted_for_again() {
    let fixture = Fixture::new().await;
    let add = fixture.command(&["add", &fixture.name, "--platform", "multicloud-cx", "--contact-center-id", "c"]);
    let add = add.with(&["--channel-id", "1", "--delivery-url", "https://example.com/"]);
    let add = add.with(&["--api-base-url", "https://api.example.com"]).env("PATCHBAY_APP_SECRET", "the-old-secret");
    let _ = add.run().await.succeeded();
    let rotate = fixture.human(&["rotate", &fixture.name, "--secret", "api-key"]);
    let answers = [
        ("The new secret", ""),
        ("must not be empty", "hidden "),
        ("must not begin or end with white space", "hid den"),
        ("/apiKey must have visible ASCII characters only", "hidden"),
    ];
    let ran = rotate.run_in_terminal(&answers).await.succeeded();
    assert!(!ran.all_output().contains("hid"), "{ran:#?}");
    assert!(ran.all_output().contains("waiting until every function uses it: "), "{ran:#?}");
    assert_eq!(json!("hidden"), fixture.shown().await["configuration"]["apiKey"]);
}
