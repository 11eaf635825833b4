//! The inputs of `patchbay integration add`: typed at a terminal, in files, in the environment.

use crate::cli::fixture::Fixture;
use serde_json::json;
use tests::harness::command::Command;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET};

/// A channel of Multicloud CX with all required options except its app secret.
fn add_channel(fixture: &Fixture, api_base_url: &str) -> Command {
    let add = fixture.command(&["add", &fixture.name, "--platform", "multicloud-cx", "--contact-center-id", "c"]);
    let add = add.with(&["--channel-id", "1", "--delivery-url", "https://example.com/"]);
    add.with(&["--api-base-url", api_base_url])
}

/// Asserts that these answers connect an organisation of Genesys Cloud, and that the client secret is not shown.
async fn is_connected_by(fixture: &Fixture, answers: &[(&str, &str)]) {
    let add = Command::new(&["integration", "add", &fixture.name]).env("API_URL", &fixture.stack.api_url);
    let defaults = [("The messaging setting", ""), ("The supported content profile", ""), ("Match customers", "")];
    let ran = add.run_in_terminal(&[answers, &defaults].concat()).await.succeeded();
    assert!(ran.stdout.contains("is connected"), "{ran:#?}");
    assert!(!ran.all_output().contains(CLIENT_SECRET), "{ran:#?}");
}

#[tokio::test]
async fn missing_values_are_prompted_for_at_a_terminal_and_secrets_are_hidden() {
    let fixture = Fixture::new().await;
    let answers = [
        ("Platform", "genesys-cloud"),
        ("Messages for customers", ""),
        ("Domain", fixture.platform.url.as_str()),
        ("Id of the OAuth client", CLIENT_ID),
        ("Secret of the OAuth client", CLIENT_SECRET),
        ("URL to deliver", fixture.service.url.as_str()),
    ];
    is_connected_by(&fixture, &answers).await;
    assert_eq!(CLIENT_SECRET, fixture.shown().await["configuration"]["clientSecret"]);
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn a_wrong_answer_is_prompted_for_again_and_earlier_answers_are_kept() {
    let fixture = Fixture::new().await;
    let answers = [
        ("Platform", "genesys"),
        ("must be `genesys-cloud`", "genesys-cloud"),
        ("Messages for customers", ""),
        ("Domain", "hidden.example"),
        ("must be a domain or an AWS region", fixture.platform.url.as_str()),
        ("Id of the OAuth client", ""),
        ("must not be empty", CLIENT_ID),
        ("Secret of the OAuth client", &format!(" {CLIENT_SECRET}")),
        ("must not begin or end with white space", CLIENT_SECRET),
        ("URL to deliver", "ftp://hidden.example/"),
        ("must be an https URL", fixture.service.url.as_str()),
    ];
    is_connected_by(&fixture, &answers).await;
    let shown = fixture.shown().await;
    assert_eq!(
        json!([CLIENT_ID, CLIENT_SECRET]),
        json!([shown["configuration"]["clientId"], shown["configuration"]["clientSecret"],])
    );
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn a_channels_url_and_its_app_secret_are_checked_as_they_are_typed() {
    let fixture = Fixture::new().await;
    let answers = [
        ("Messages for customers", ""),
        ("URL of the API", "https://api.example.com/nexus/v3/"),
        ("must not end in /nexus/v3", "https://api.example.com"),
        ("Id of the contact centre", " c "),
        ("Id of the channel", ".."),
        ("must not be `.` or `..`", "1"),
        ("App secret of the channel", "\u{feff}hidden"),
        ("must not have a byte order mark", "hidden"),
        ("must have at least 12 characters", "hidden-app-secret"),
        ("URL to deliver", "https://example.com/"),
    ];
    let add = fixture.human(&["add", &fixture.name, "--platform", "multicloud-cx"]);
    let ran = add.run_in_terminal(&answers).await.succeeded();
    assert!(ran.stdout.contains("is connected"), "{ran:#?}");
    assert!(!ran.all_output().contains("hidden"), "{ran:#?}");
    let configuration = fixture.shown().await["configuration"].take();
    assert_eq!(json!("https://api.example.com"), configuration["apiBaseUrl"]);
    assert_eq!(
        (json!("c"), json!(["hidden-app-secret"])),
        (configuration["contactCenterId"].clone(), configuration["appSecrets"].clone())
    );
}

#[tokio::test]
async fn wrong_options_are_reported_before_any_prompt() {
    let fixture = Fixture::new().await;
    let add =
        fixture.human(&["add", &fixture.name, "--platform", "highlevel", "--delivery-url", "ftp://hidden.example"]);
    let ran = add.run_in_terminal(&[("Id of the location", "l"), ("Token", "t")]).await.exited_with(1);
    assert!(ran.stdout.contains("/delivery/url must be") && !ran.stdout.contains("Id of the location"), "{ran:#?}");
    assert_eq!(0, fixture.listed().await);
}

#[tokio::test]
async fn an_interrupt_at_a_prompt_ends_the_command_without_a_change() {
    let fixture = Fixture::new().await;
    let answers = [
        ("Platform", "genesys-cloud"),
        ("Messages for customers", ""),
        ("Domain", "eu-central-1"),
        ("Id of the OAuth client", "c"),
    ];
    let add = || fixture.human(&["add", &fixture.name]);
    for (asked, questions) in [("Platform", &answers[..0]), ("Domain", &answers[..2]), ("Secret of the", &answers[..])]
    {
        let answers = [questions, &[(asked, "\u{3}")]].concat();
        let ran = add().run_in_terminal(&answers).await.exited_with(130);
        assert!(!ran.all_output().contains("is connected"), "{ran:#?}");
    }
    assert_eq!((0, 0), (fixture.listed().await, fixture.platform.attempts()));
}

#[tokio::test]
async fn a_secret_with_copied_surroundings_is_refused() {
    let fixture = Fixture::new().await;
    let add = add_channel(&fixture, "https://api.example.com");
    for (copied, fault) in [
        (" hidden", "must not begin or end with white space"),
        ("hidden \n", "must not begin or end with white space"),
        ("hidden\nhidden\n", "must be a single line"),
        ("\u{feff}hidden\n", "must not have a byte order mark"),
        ("hid\tden", "must not have control characters"),
    ] {
        let from_file = add.clone().with(&["--app-secret-file", "-"]).input(copied).run().await.exited_with(2);
        let said = format!("the secret in standard input {fault}");
        assert!(from_file.stderr.contains(&said), "{said}: {from_file:?}");
        let from_environment = add.clone().env("PATCHBAY_APP_SECRET", copied).run().await.exited_with(2);
        let said = format!("the secret in PATCHBAY_APP_SECRET {fault}");
        assert!(from_environment.stderr.contains(&said), "{said}: {from_environment:?}");
        let document = json!({"appSecrets": ["good", copied.trim_end_matches('\n')], "hiden": ""});
        let from_document = add.clone().with(&["--from", "-"]).input(document.to_string()).run().await;
        let said = format!("/appSecrets/1 {fault}");
        assert!(from_document.stderr.contains(&said), "{said}: {from_document:?}");
        for ran in [from_file, from_environment, from_document.exited_with(2)] {
            assert!(!ran.all_output().contains("hid"), "{ran:?}");
        }
    }
    assert_eq!(0, fixture.listed().await);
    let _ = add.with(&["--app-secret-file", "-"]).input("hidden-app-secret\n").run().await.succeeded();
    assert_eq!(json!(["hidden-app-secret"]), fixture.shown().await["configuration"]["appSecrets"]);
}

#[tokio::test]
async fn an_api_url_that_includes_the_path_of_the_calls_is_refused() {
    let fixture = Fixture::new().await;
    let add = add_channel(&fixture, "https://api.example.com/nexus/v3").env("PATCHBAY_APP_SECRET", "hidden-app-secret");
    let refused = add.run().await.exited_with(1);
    assert!(refused.stderr.contains("/apiBaseUrl must not end in /nexus/v3"), "{refused:?}");
    assert_eq!(0, fixture.listed().await);
}
