//! `patchbay integration rotate`: secrets change while messages flow.

use crate::cli::fixture::Setting;
use crate::cli::rotation_under_traffic::finished_once_unused;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::genesys_cloud::api::CLIENT_SECRET;

/// The time limit for the receiver to notice that a secret is no longer valid.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secret that the platform signs with.
fn signs_with(setting: &Setting) -> String {
    let integration = &setting.platform.integrations()[0];
    integration["outboundNotificationWebhookSignatureSecretToken"].as_str().unwrap().to_owned()
}

/// The status of a webhook that is signed with this secret.
async fn answer_to(setting: &Setting, secret: &str) -> u16 {
    let id = setting.platform.integrations()[0]["id"].as_str().unwrap().to_owned();
    let webhook = WIRE[0].fill(&id, "customer-1").signed_with(secret);
    webhook.post_to(&setting.stack, &setting.webhook_url()).await.status.as_u16()
}

#[tokio::test]
async fn the_webhook_secret_is_rotated_without_a_refused_message() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let old = signs_with(&setting);
    setting.message_is_accepted().await;

    // Messages flow while the command runs.
    let rotate = setting.command(&["rotate", &setting.name, "--secret", "webhook"]);
    let mut rotating = Box::pin(rotate.clone().run());
    let rotated = loop {
        tokio::select! {
            rotated = &mut rotating => break rotated,
            () = setting.message_is_accepted() => {}
        }
    };
    assert_eq!(2, rotated.done().json()["good"]);
    let new = signs_with(&setting);
    assert_ne!(old, new);
    setting.message_is_accepted().await;
    assert_eq!((200, 200), (answer_to(&setting, &old).await, answer_to(&setting, &new).await));

    // A second run changes nothing.
    assert_eq!(2, rotate.run().await.done().json()["good"]);
    assert_eq!(new, signs_with(&setting));

    let finish = setting.command(&["rotate", &setting.name, "--secret", "webhook", "--finish"]);
    let in_use = finish.clone().run().await.ended_with(1);
    assert!(in_use.stderr.contains("the old secret is still used"), "{in_use:?}");
    assert_eq!(1, finished_once_unused(&finish).await.json()["good"]);
    let nothing = finish.run().await.ended_with(1);
    assert!(nothing.stderr.contains("nothing to finish"), "{nothing:?}");
    setting.message_is_accepted().await;
    // A failed signature makes the receiver reload the configuration, once in ten seconds.
    let until = Instant::now() + PATIENCE;
    while answer_to(&setting, &old).await != 401 {
        assert!(Instant::now() < until, "the old secret is still good");
        assert_eq!(401, answer_to(&setting, "a-secret-of-nobody").await);
    }
    setting.message_is_accepted().await;
    let answered: Vec<_> = setting.platform.webhooks().iter().map(|posted| posted.answered).collect();
    assert!(answered.iter().all(|status| *status == Some(200)), "{answered:?}");
}

#[tokio::test]
async fn the_old_secret_stays_until_the_platform_has_the_new_one() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let old = signs_with(&setting);
    setting.platform.withhold("messaging:integration:edit");
    let interrupted = setting.command(&["rotate", &setting.name, "--secret", "webhook"]).run().await.ended_with(1);
    assert!(interrupted.stderr.contains("messaging:integration:edit"), "{interrupted:?}");
    assert!(interrupted.stderr.contains("Completed before that"), "{interrupted:?}");
    let finish = setting.command(&["rotate", &setting.name, "--secret", "webhook", "--finish"]);
    let refused = finish.clone().run().await.ended_with(1);
    assert!(refused.stderr.contains("does not sign with the new secret yet"), "{refused:?}");
    assert_eq!(old, signs_with(&setting));
    setting.message_is_accepted().await;

    setting.platform.grant("messaging:integration:edit");
    let _ = setting.command(&["rotate", &setting.name, "--secret", "webhook"]).run().await.done();
    let _ = finished_once_unused(&finish).await;
    let shown = setting.shown().await;
    assert_eq!(json!([signs_with(&setting)]), shown["configuration"]["webhookSecrets"]);
}

#[tokio::test]
async fn a_caller_and_the_deliveries_have_two_secrets_until_it_is_finished() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let before = setting.shown().await["configuration"].take();
    setting.service.secrets().change_to(&[before["delivery"]["signingSecrets"][0].as_str().unwrap()]);
    for (secret, list) in [("signing", "/delivery/signingSecrets"), ("caller:flows", "/callers")] {
        let rotate = |more: &[&str]| setting.command(&["rotate", &setting.name, "--secret", secret]).with(more);
        let refused = rotate(&["--finish"]).run().await.ended_with(1);
        assert!(refused.stderr.contains("nothing to finish"), "{refused:?}");
        let old: Vec<Value> = before.pointer(list).unwrap().as_array().unwrap().clone();
        let listed = async || setting.shown().await["configuration"].pointer(list).unwrap().as_array().unwrap().clone();

        let rotated = rotate(&[]).run().await.done();
        let both = listed().await;
        assert_eq!(old.len() + 1, both.len());
        assert!(old.iter().all(|secret| both.contains(secret)), "{secret}");
        let new = both.iter().find(|one| !old.contains(one)).unwrap();
        let new_secret = new.as_str().or(new["bearerToken"].as_str()).unwrap();
        assert!(!rotated.everything().contains(new_secret), "{rotated:?}");
        if secret == "signing" {
            setting.service.secrets().change_to(&[new_secret]);
        }

        let _ = rotate(&["--finish"]).run().await.done();
        let after = listed().await;
        assert_eq!(old.len(), after.len());
        assert!(after.contains(new), "{secret}");
    }
}

#[tokio::test]
async fn a_third_secret_is_refused_until_the_rotation_is_finished() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let rotate = |more: &[&str]| setting.command(&["rotate", &setting.name, "--secret", "signing"]).with(more);
    let _ = rotate(&["--no-wait"]).run().await.done();
    let both = setting.shown().await;
    let third = format!("whsec_{}", "c2VjcmV0".repeat(5));
    let refused = rotate(&["--secret-file", "-"]).input(&third).run().await.ended_with(1);
    assert!(
        refused.stderr.contains("a rotation to another secret") && refused.stderr.contains("--finish"),
        "{refused:?}"
    );
    assert!(!refused.everything().contains(&third), "{refused:?}");
    assert_eq!(both, setting.shown().await);

    // The new secret may be given again.
    let current = both["configuration"]["delivery"]["signingSecrets"][0].as_str().unwrap();
    let again = rotate(&["--no-wait"]).env("PATCHBAY_SIGNING_SECRET", current).run().await.done();
    assert_eq!(2, again.json()["good"]);
    assert_eq!(both, setting.shown().await);
}

#[tokio::test]
async fn no_second_webhook_secret_is_written_if_the_webhooks_go_elsewhere() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let before = setting.shown().await;
    setting.lead_webhooks_elsewhere();
    let refused = setting.command(&["rotate", &setting.name, "--secret", "webhook"]).run().await.ended_with(1);
    assert!(refused.stderr.contains("are sent elsewhere"), "{refused:?}");
    assert_eq!(before, setting.shown().await);
}

#[tokio::test]
async fn the_clients_secret_is_replaced_by_one_that_the_platform_accepts() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let before = setting.shown().await;
    let rotate = |more: &[&str]| setting.command(&["rotate", &setting.name, "--secret", "client"]).with(more);
    let missing = rotate(&[]).run().await.ended_with(2);
    assert!(missing.stderr.contains("PATCHBAY_CLIENT_SECRET"), "{missing:?}");
    let wrong = rotate(&["--secret-file", "-"]).input("hidden-wrong-secret").run().await.ended_with(1);
    assert!(wrong.stderr.contains("refuses the OAuth client's credentials"), "{wrong:?}");
    assert!(!wrong.everything().contains("hidden"), "{wrong:?}");
    assert_eq!(before, setting.shown().await);
    let _ = rotate(&[]).env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET).run().await.done();
    let finish = rotate(&["--finish"]).run().await.ended_with(2);
    assert!(finish.stderr.contains("there is nothing to finish"), "{finish:?}");
}

#[tokio::test]
async fn a_new_secret_with_copied_surroundings_is_refused() {
    let setting = Setting::new().await;
    let _ = setting.add().run().await.done();
    let before = setting.shown().await;
    let rotate = || setting.human(&["rotate", &setting.name, "--secret", "client"]);
    let spaced = rotate().with(&["--secret-file", "-"]).input("hidden \n").run().await.ended_with(2);
    assert!(spaced.stderr.contains("the secret in standard input must not begin or end with"), "{spaced:?}");
    let lines = rotate().env("PATCHBAY_CLIENT_SECRET", "hidden\nhidden").run().await.ended_with(2);
    assert!(lines.stderr.contains("the secret in PATCHBAY_CLIENT_SECRET must be a single line"), "{lines:?}");
    for ran in [spaced, lines] {
        assert!(!ran.everything().contains("hidden"), "{ran:?}");
    }
    assert_eq!(before, setting.shown().await);
}

#[tokio::test]
async fn a_wrong_new_secret_is_prompted_for_again() {
    let setting = Setting::new().await;
    let add = setting.command(&["add", &setting.name, "--platform", "multicloud-cx", "--contact-center-id", "c"]);
    let add = add.with(&["--channel-id", "1", "--delivery-url", "https://example.com/"]);
    let add = add.with(&["--api-base-url", "https://api.example.com"]).env("PATCHBAY_APP_SECRET", "the-old-secret");
    let _ = add.run().await.done();
    let rotate = setting.human(&["rotate", &setting.name, "--secret", "api-key"]);
    let answers = [
        ("The new secret", ""),
        ("must not be empty", "hidden "),
        ("must not begin or end with white space", "hid den"),
        ("/apiKey must have visible ASCII characters only", "hidden"),
    ];
    let ran = rotate.run_at_a_terminal(&answers).await.done();
    assert!(!ran.everything().contains("hid"), "{ran:#?}");
    assert!(ran.everything().contains("waiting until every function uses it: "), "{ran:#?}");
    assert_eq!(json!("hidden"), setting.shown().await["configuration"]["apiKey"]);
}
