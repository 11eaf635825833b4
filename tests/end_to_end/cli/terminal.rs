//! What a person sees: colours, tables, and errors that say what to do.

use crate::cli::fixture::Fixture;
use tests::harness::command::{Command, patchbay};
use tests::harness::stack::{DEAD_LETTERS, FAILED_MESSAGES};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET};

const ESCAPE: char = '\u{1b}';

#[tokio::test]
async fn colours_are_for_terminals_and_for_those_who_want_them() {
    let help = || Command::new(&["failed", "--help"]).env("TERM", "xterm");
    let failing = || Command::new(&["integration", "list", "--stack", "no-such-stack"]).env("TERM", "xterm");
    for command in [help(), failing()] {
        let coloured = command.clone().run_in_terminal(&[]).await;
        assert!(coloured.stdout.contains(ESCAPE), "{coloured:#?}");
        let plain = command.clone().env("NO_COLOR", "1").run_in_terminal(&[]).await;
        assert!(!plain.stdout.contains(ESCAPE) && !plain.stdout.is_empty(), "{plain:#?}");
        let piped = command.run().await;
        assert!(!piped.all_output().contains(ESCAPE), "{piped:#?}");
    }
}

#[tokio::test]
async fn a_table_has_the_columns_that_fit_and_breaks_no_word() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let row = async |columns: &str| {
        let ran = fixture.human(&["list"]).env("COLUMNS", columns).run().await.succeeded();
        let row = ran.stdout.lines().find(|line| line.starts_with(&fixture.name)).map(str::to_owned);
        row.unwrap_or_else(|| panic!("{columns}: {ran:#?}"))
    };
    let (narrow, wide) = (row("60").await, row("120").await);
    assert!(narrow.chars().count() <= 60 && !narrow.contains("crm, flows"), "{narrow}");
    assert!(wide.chars().count() <= 120 && wide.contains("genesys-cloud"), "{wide}");
    let whole = row("").await;
    assert!(whole.contains("genesys-cloud") && whole.contains("crm, flows") && whole.contains("127.0.0.1"), "{whole}");
}

#[tokio::test]
async fn an_error_has_one_prefix_and_a_wrong_value_says_what_is_allowed() {
    for (arguments, allowed) in [
        (
            &["send", "inbound", "message", "a", "--from", "c", "--text", "t", "--time", "yesterday"][..],
            "such as 2026-",
        ),
        (&["failed", "list", "--since", "yesterday"], "such as 90m, 12h or 2d"),
        (&["send", "agentless", "a", "--to", "c", "--text", "t", "--at", "soon"], "such as 2026-"),
        (&["dead-letters", "list", "--limit", "many"], "a number from 1 to 1000"),
        (
            &["send", "inbound", "message", "a", "--from", "c", "--text", "t", "--id-type", "fax"],
            "Email, Phone, Opaque",
        ),
        (&["send", "card", "a", "--to", "c", "--title", "t", "--action", "postBack:Yes"], "= and a payload"),
        (&["integration", "add", "a", "--give-up-after-seconds", "1h"], "a whole number"),
    ] {
        let ran = patchbay(arguments).await.exited_with(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(allowed), "{arguments:?}: {ran:#?}");
    }
    let failed = patchbay(&["integration", "show", "no-such-integration"]).await.exited_with(1);
    assert!(failed.stderr.starts_with("error: "), "{failed:#?}");
}

#[tokio::test]
async fn an_integration_that_does_not_exist_has_no_list_of_messages() {
    let _alone = (DEAD_LETTERS.lock().await, FAILED_MESSAGES.lock().await);
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let misspelled = format!("{}x", fixture.name);
    for command in [
        &["failed", "list"][..],
        &["failed", "replay", "--yes"],
        &["dead-letters", "list"],
        &["dead-letters", "redrive", "--yes"],
    ] {
        let ran = Command::new(command).with(&["--integration", &misspelled]).run().await.exited_with(1);
        assert!(ran.stderr.contains(&format!("there is no integration `{misspelled}`; there is ")), "{ran:#?}");
        assert!(ran.stderr.contains(&format!("`{}`", fixture.name)), "{ran:#?}");
    }
    let _ = Command::new(&["failed", "list", "--integration", &fixture.name]).run().await.succeeded();
}

#[tokio::test]
async fn an_option_of_another_platform_is_named() {
    let fixture = Fixture::new().await;
    let add = fixture.command(&["add", &fixture.name, "--platform", "highlevel", "--domain", "mypurecloud.de"]);
    let add = add.with(&["--location-id", "l", "--delivery-url", "https://example.com/", "--resolve-identities"]);
    let ran = add.env("PATCHBAY_TOKEN", "t").run().await.exited_with(2);
    for option in ["--domain", "--resolve-identities"] {
        let said = format!("{option} does not apply to highlevel: it is for genesys-cloud");
        assert!(ran.stderr.contains(&said), "{said}: {ran:#?}");
    }
    assert_eq!(0, fixture.listed().await);
}

#[tokio::test]
async fn a_client_secret_that_the_platform_refuses_is_asked_for_again() {
    let fixture = Fixture::new().await;
    let answers = [
        ("Platform", "genesys-cloud"),
        ("Messages for customers", ""),
        ("Domain", fixture.platform.url.as_str()),
        ("Id of the OAuth client", CLIENT_ID),
        ("Secret of the OAuth client", "another-secret"),
        ("URL to deliver", fixture.service.url.as_str()),
        ("refuses the OAuth client's credentials", ""),
        ("Secret of the OAuth client", CLIENT_SECRET),
        ("The messaging setting", ""),
        ("The supported content profile", ""),
        ("Match customers", ""),
    ];
    let ran = fixture.human(&["add", &fixture.name]).run_in_terminal(&answers).await.succeeded();
    assert!(ran.stdout.contains("is connected"), "{ran:#?}");
    assert!(!ran.stdout.contains("another-secret") && !ran.stdout.contains(CLIENT_SECRET), "{ran:#?}");
    let shown = fixture.shown().await;
    assert_eq!(
        (CLIENT_ID, CLIENT_SECRET),
        (
            shown["configuration"]["clientId"].as_str().unwrap(),
            shown["configuration"]["clientSecret"].as_str().unwrap(),
        )
    );
}

#[tokio::test]
async fn a_failure_to_get_a_token_names_the_host_and_the_cause() {
    let fixture = Fixture::new().await;
    let add = fixture.command(&["add", &fixture.name, "--platform", "genesys-cloud", "--client-id", CLIENT_ID]);
    let add = add.with(&["--domain", "http://127.0.0.1:9", "--delivery-url", "https://example.com/"]);
    let ran = add.env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET).run().await.exited_with(1);
    for named in ["http://127.0.0.1:9 cannot be reached", "refused"] {
        assert!(ran.stderr.contains(named), "{named}: {ran:#?}");
    }
}
