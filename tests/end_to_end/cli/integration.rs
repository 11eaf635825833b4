//! `patchbay integration` against the deployed stack and a simulated Genesys Cloud.

use crate::cli::fixture::Fixture;
use serde_json::{Value, json};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::Command;
use tests::harness::listener::listen;
use tests::harness::stack::SIGNING_SECRET;
use tests::simulators::genesys_cloud::api::{CLIENT_SECRET, Fault};

#[tokio::test]
async fn an_integration_is_connected_and_the_platforms_messages_are_delivered() {
    let fixture = Fixture::new().await;
    // The simulated messaging service accepts only one signing secret.
    let report = fixture.add().env("PATCHBAY_SIGNING_SECRET", SIGNING_SECRET).run().await.succeeded().json();
    assert_eq!(json!(fixture.name), report["integration"]);
    assert_eq!(json!(fixture.webhook_url()), report["webhookUrl"]);
    let integrations = fixture.platform.integrations();
    assert_eq!(1, integrations.len());
    assert_eq!(json!(fixture.name), integrations[0]["name"]);
    assert_eq!(json!(fixture.webhook_url()), integrations[0]["outboundNotificationWebhookUrl"]);
    let secret = integrations[0]["outboundNotificationWebhookSignatureSecretToken"].as_str().unwrap();
    assert_eq!(43, secret.len(), "32 random bytes");

    let shown = fixture.shown().await;
    assert_eq!(integrations[0]["id"], shown["configuration"]["integrationId"]);
    assert_eq!(json!([]), shown["faults"]);
    fixture.message_is_accepted().await;
    fixture.service.wait_for(fixture.platform.webhooks()[0].body["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn the_same_command_resumes_where_it_was_interrupted() {
    let fixture = Fixture::new().await;
    // The platform creates its integration, but its response is lost.
    fixture.platform.fail_operation("integration", std::iter::repeat_n(Fault::Status(503), 5));
    let interrupted = fixture.add().run().await.exited_with(1);
    assert!(interrupted.stderr.contains("Genesys Cloud did not return the integration"), "{interrupted:?}");
    assert_eq!(0, fixture.listed().await);

    let report = fixture.add().run().await.succeeded().json();
    assert_eq!(1, fixture.platform.integrations().len(), "the created integration is used");
    fixture.message_is_accepted().await;
    let before = fixture.shown().await;

    let again = fixture.add().run().await.succeeded().json();
    assert!(again["steps"].to_string().contains("is unchanged"), "{again}");
    assert_eq!(report["webhookUrl"], again["webhookUrl"]);
    assert_eq!(before, fixture.shown().await);
}

#[tokio::test]
async fn a_secret_left_in_the_environment_does_not_replace_the_integrations_own() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    let options = ["--replace", "--give-up-after-seconds", "600"];
    let replaced = fixture.add().with(&options).env("PATCHBAY_SIGNING_SECRET", SIGNING_SECRET).run().await.succeeded();
    let said = "PATCHBAY_SIGNING_SECRET is not used: the integration has another secret, which --signing-secret-file";
    assert!(replaced.stderr.contains(said), "{replaced:?}");
    let steps = replaced.json()["steps"].to_string();
    assert!(steps.contains("is updated: /delivery/giveUpAfterSeconds\""), "{steps}");
    let secrets = "/configuration/delivery/signingSecrets";
    assert_eq!(before.pointer(secrets), fixture.shown().await.pointer(secrets));
}

#[tokio::test]
async fn an_existing_integration_is_changed_only_on_request() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    let options = ["--give-up-after-seconds", "600", "--timeout-seconds", "5", "--caller", "shop"];
    let changing = || fixture.add().with(&options);
    let refused = changing().run().await.exited_with(1);
    let differences = "differs in /callers, /delivery/giveUpAfterSeconds, /delivery/timeoutSeconds";
    assert!(refused.stderr.contains(differences), "{refused:?}");
    assert_eq!(before, fixture.shown().await);

    let _ = changing().with(&["--replace"]).run().await.succeeded();
    let after = fixture.shown().await;
    assert_eq!(600, after["configuration"]["delivery"]["giveUpAfterSeconds"]);
    assert_eq!(5, after["configuration"]["delivery"]["timeoutSeconds"]);
    assert_eq!(3, after["configuration"]["callers"].as_array().unwrap().len());
    for kept in ["/configuration/webhookSecrets", "/configuration/callers/0", "/configuration/callers/1"] {
        assert_eq!(before.pointer(kept), after.pointer(kept), "{kept}");
    }
}

#[tokio::test]
async fn all_errors_are_reported_together_and_without_their_values() {
    let fixture = Fixture::new().await;
    let document = json!({
        "platform": "genesys-cloud", "domain": "hidden.example", "clientId": "c", "clientSecret": "s",
        "integrationId": "i", "hiden": 1, "delivery": {"url": "ftp://hidden.example/"},
    });
    let command = fixture.command(&["add", &fixture.name, "--from", "-"]).input(document.to_string());
    let refused = command.run().await.exited_with(1);
    for fault in ["/domain must be", "/delivery/url must be", "/hiden is not a known field; known are "] {
        assert!(refused.stderr.contains(fault), "{fault}: {refused:?}");
    }
    assert!(!refused.all_output().contains("hidden.example"), "{refused:?}");
    assert_eq!((0, 0), (fixture.listed().await, fixture.platform.attempts()));
}

#[tokio::test]
async fn what_is_missing_is_named_by_its_options() {
    let fixture = Fixture::new().await;
    let refused = fixture.command(&["add", &fixture.name, "--platform", "genesys-cloud"]).run().await.exited_with(2);
    for option in ["--domain", "--client-id", "--client-secret-file", "PATCHBAY_CLIENT_SECRET", "--delivery-url"] {
        assert!(refused.stderr.contains(option), "{option}: {refused:?}");
    }
    assert!(!refused.stderr.contains("--integration-id"), "{refused:?}");
}

#[tokio::test]
async fn wrong_credentials_are_named_before_anything_is_written() {
    let fixture = Fixture::new().await;
    let refused = fixture.add().env("PATCHBAY_CLIENT_SECRET", "hidden-wrong-secret").run().await.exited_with(1);
    assert!(refused.stderr.contains("refuses the OAuth client's credentials (status 401)"), "{refused:?}");
    assert!(!refused.all_output().contains("hidden"), "{refused:?}");
    assert_eq!((0, 0), (fixture.listed().await, fixture.platform.integrations().len()));
}

#[tokio::test]
async fn a_permission_that_the_client_lacks_is_named() {
    let fixture = Fixture::new().await;
    fixture.platform.revoke_permission("messaging:integration:add");
    let refused = fixture.add().run().await.exited_with(1);
    assert!(refused.stderr.contains("needs the permission messaging:integration:add"), "{refused:?}");
    assert_eq!(0, fixture.listed().await);
    fixture.platform.grant_permission("messaging:integration:add");
    let _ = fixture.add().run().await.succeeded();
}

#[tokio::test]
async fn an_integration_whose_webhooks_go_elsewhere_is_taken_over_only_on_request() {
    let fixture = Fixture::new().await;
    let elsewhere = format!("{}-elsewhere", fixture.name);
    let _ = fixture.add_named(&elsewhere).run().await.succeeded();
    let name = ["--platform-name", elsewhere.as_str()];
    let refused = fixture.add().with(&name).run().await.exited_with(2);
    assert!(refused.stderr.contains("are sent elsewhere") && refused.stderr.contains("--yes"), "{refused:?}");
    let _ = fixture.add().with(&name).with(&["--yes"]).run().await.succeeded();
    let integrations = fixture.platform.integrations();
    assert_eq!(1, integrations.len());
    assert_eq!(json!(fixture.webhook_url()), integrations[0]["outboundNotificationWebhookUrl"]);
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn the_other_platforms_integrations_are_written_without_a_call() {
    let fixture = Fixture::new().await;
    let command = fixture.command(&["add", &fixture.name, "--platform", "highlevel", "--location-id", "l"]);
    let command = command.with(&["--delivery-url", "https://example.com/", "--token-file", "-"]);
    // Fields of other platforms are not required here.
    let command = command.env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET);
    let report = command.input("hidden-token\n").run().await.succeeded();
    assert!(report.stdout.contains("were not tested"), "{report:?}");
    assert!(!report.all_output().contains("hidden"), "{report:?}");
    let shown = fixture.command(&["show", &fixture.name, "--show-secrets"]).run().await.succeeded().json();
    assert_eq!("hidden-token", shown["configuration"]["token"]);
    assert_eq!(json!([]), shown["faults"]);
}

#[tokio::test]
async fn no_secret_is_shown_by_default() {
    let fixture = Fixture::new().await;
    let added = fixture.add().run().await.succeeded();
    let shown = fixture.command(&["show", &fixture.name, "--show-secrets"]).run().await.succeeded().json();
    let secrets = fixture.secrets_in(&shown);
    assert_eq!(5, secrets.len(), "client, webhook, signing, two callers");
    assert!(secrets.contains(&CLIENT_SECRET.to_owned()));
    for json in [true, false] {
        for arguments in [vec!["list"], vec!["show", fixture.name.as_str()]] {
            let command = if json { fixture.command(&arguments) } else { fixture.human(&arguments) };
            let ran = command.run().await.succeeded();
            assert!(ran.stdout.contains(&fixture.name), "{ran:?}");
            assert!(!secrets.iter().any(|secret| ran.all_output().contains(secret)), "{ran:?}");
        }
    }
    let again = fixture.human_add().run().await.succeeded();
    for ran in [added, again] {
        assert!(!secrets.iter().any(|secret| ran.all_output().contains(secret)), "{ran:?}");
    }
    let asked = fixture.human(&["show", &fixture.name, "--show-secrets"]).run().await.succeeded();
    assert!(secrets.iter().all(|secret| asked.stdout.contains(secret)));
}

#[tokio::test]
async fn a_faulty_integration_stands_out_in_the_list() {
    let fixture = Fixture::new().await;
    let faulty = fixture.stack.integration("http://127.0.0.1:9/", |document| document["surprise"] = true.into()).await;
    let rows = fixture.command(&["list"]).run().await.succeeded().json();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == faulty.name.as_str()).unwrap();
    assert_eq!((json!("faulty"), json!(1)), (row["state"].clone(), row["faults"].clone()));
    assert_eq!((json!("127.0.0.1"), json!(["crm", "flows"])), (row["deliveryHost"].clone(), row["callers"].clone()));
    let shown = fixture.command(&["show", faulty.name.as_str()]).run().await.succeeded().json();
    let fault = &shown["faults"][0];
    assert_eq!((json!("/surprise"), Value::Null), (fault["pointer"].clone(), shown["faults"][1].clone()));
    assert!(fault["detail"].as_str().unwrap().starts_with("is not a known field; known are platform, "), "{fault}");
    let human = fixture.human(&["list"]).run().await.succeeded();
    let line = human.stdout.lines().find(|line| line.trim_start().starts_with(faulty.name.as_str())).unwrap();
    assert!(line.contains("  1 fault  "), "{line}");
}

#[tokio::test]
async fn an_integration_is_removed_and_can_be_restored() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let refused = fixture.command(&["remove", &fixture.name]).run().await.exited_with(2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let removed = fixture.command(&["remove", &fixture.name, "--yes", "--recovery-days", "7"]).run().await.succeeded();
    assert!(removed.json()["recoverableUntil"].is_string(), "{removed:?}");
    let gone = fixture.command(&["show", &fixture.name]).run().await.exited_with(1);
    assert!(gone.stderr.contains("patchbay integration restore"), "{gone:?}");
    let refused = fixture.add().run().await.exited_with(1);
    assert!(refused.stderr.contains("scheduled for deletion"), "{refused:?}");

    let _ = fixture.command(&["restore", &fixture.name]).run().await.succeeded();
    fixture.message_is_accepted().await;
    let removed = fixture.human(&["remove", &fixture.name, "--yes"]).run().await.succeeded();
    assert!(removed.stdout.contains("are then given up") && !removed.stdout.contains("dropped"), "{removed:?}");
    let _ = fixture.command(&["restore", &fixture.name]).run().await.succeeded();
    let for_good = ["remove", &fixture.name, "--yes", "--immediately", "--platform-too"];
    let _ = fixture.command(&for_good).run().await.succeeded();
    assert_eq!((0, 0), (fixture.listed().await, fixture.platform.integrations().len()));
    let gone = Command::new(&["integration", "show", &fixture.name]).run().await.exited_with(1);
    assert!(gone.stderr.contains("there is no integration"), "{gone:?}");
}

#[tokio::test]
async fn an_integration_that_was_deleted_on_the_platform_is_connected_again() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let (old, before) = (fixture.integration_id(), fixture.shown().await);
    let _ = fixture.command(&["remove", &fixture.name, "--yes", "--platform-too"]).run().await.succeeded();
    assert!(fixture.platform.integrations().is_empty());
    let restored = fixture.command(&["restore", &fixture.name]).run().await.succeeded().json();
    assert!(restored["next"].as_str().unwrap().contains("is not restored"), "{restored}");
    let given = fixture.command(&["add", &fixture.name, "--replace", "--integration-id", "no-such-id"]);
    let refused = given.run().await.exited_with(1);
    assert!(refused.stderr.contains("no open messaging integration with that id"), "{refused:?}");
    assert_eq!(before, fixture.shown().await);

    let _ = fixture.command(&["add", &fixture.name]).run().await.succeeded();
    let new = fixture.integration_id();
    assert_ne!(old, new);
    let shown = fixture.shown().await;
    assert_eq!(new, shown["configuration"]["integrationId"]);
    assert_eq!(before["configuration"]["webhookSecrets"], shown["configuration"]["webhookSecrets"]);
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn an_integration_that_the_platform_failed_to_create_is_not_reported_as_connected() {
    let fixture = Fixture::new().await;
    fixture.platform.fail_operation("integration", std::iter::repeat_n(Fault::Status(503), 5));
    let _ = fixture.add().run().await.exited_with(1);
    fixture.platform.set_integration(&fixture.integration_id(), "createStatus", "Error");
    let refused = fixture.add().run().await.exited_with(1);
    assert!(refused.stderr.contains("could not create") && refused.stderr.contains("delete it"), "{refused:?}");
    assert_eq!(0, fixture.listed().await);

    fixture.platform.remove_integration(&fixture.integration_id());
    let _ = fixture.add().run().await.succeeded();
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn an_integration_of_the_platform_is_deleted_only_if_its_webhooks_come_here() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    fixture.redirect_webhooks();
    let remove = fixture.command(&["remove", &fixture.name, "--yes", "--immediately", "--platform-too"]);
    let refused = remove.clone().run().await.exited_with(1);
    assert!(refused.stderr.contains("are sent elsewhere"), "{refused:?}");
    assert_eq!((1, 1), (fixture.listed().await, fixture.platform.integrations().len()));
    fixture.platform.remove_integration(&fixture.integration_id());
    let _ = remove.run().await.succeeded();
    assert_eq!(0, fixture.listed().await);
}

#[tokio::test]
async fn an_unreadable_secret_hides_no_other_integration_from_the_list() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let proxy = AwsProxy::start().await;
    proxy.deny("GetSecretValue");
    let rows = fixture.command(&["list"]).env("AWS_ENDPOINT_URL", &proxy.url).run().await.succeeded().json();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == fixture.name.as_str()).unwrap();
    assert_eq!("unknown", row["state"]);
    assert!(row["unreadable"].as_str().unwrap().contains("AccessDenied"), "{row}");
    let human = fixture.human(&["list"]).env("AWS_ENDPOINT_URL", &proxy.url).run().await.succeeded();
    let line = human.stdout.lines().find(|line| line.trim_start().starts_with(&fixture.name)).unwrap();
    assert!(line.contains("  cannot be read  "), "{line}");
}

#[tokio::test]
async fn the_command_ends_when_aws_never_responds() {
    // Connections are accepted, but never read.
    let silent = listen();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let ended = Command::new(&["integration", "list"]).env("AWS_ENDPOINT_URL", &endpoint).run().await.exited_with(1);
    assert!(ended.stderr.contains("AWS cannot be reached") && ended.stderr.contains("time"), "{ended:?}");
}

#[tokio::test]
async fn an_integration_without_callers_is_reported_with_how_to_add_one() {
    let fixture = Fixture::new().await;
    let add = fixture.command(&["add", &fixture.name, "--platform", "highlevel", "--location-id", "l"]);
    let report =
        add.with(&["--delivery-url", "https://example.com/"]).env("PATCHBAY_TOKEN", "t").run().await.succeeded().json();
    let replace = ["add", fixture.name.as_str(), "--replace", "--caller", "crm"];
    let cure = format!("`patchbay integration {}`", replace.join(" "));
    let says_so = |report: &Value| report["next"].to_string().contains("has no callers");
    assert!(says_so(&report) && report["next"].to_string().contains(&cure), "{report}");

    let report = fixture.command(&replace).run().await.succeeded().json();
    assert!(!says_so(&report), "{report}");
    assert_eq!(2, report["next"].as_array().unwrap().len(), "when it is in use, and the new callers: {report}");
    // New callers are added to the existing ones.
    let more = fixture.command(&["add", &fixture.name, "--replace", "--caller", "erp"]);
    let _ = more.run().await.succeeded();
    let callers = fixture.shown().await["configuration"]["callers"].take();
    assert_eq!((json!("crm"), json!("erp")), (callers[0]["name"].clone(), callers[1]["name"].clone()));
    let help = Command::new(&["integration", "add", "--help"]).run().await.succeeded().stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("--caller adds to its callers"), "{help}");
}

#[tokio::test]
async fn a_credential_that_another_caller_has_is_refused() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let callers = fixture.shown().await["configuration"]["callers"].take();
    let secret = callers[0]["signingSecret"].as_str().unwrap().to_owned();
    let adding = |callers: Value| {
        let add = fixture.add_named(&format!("{}-other", fixture.name));
        add.with(&["--no-platform", "--integration-id", "i", "--from", "-"])
            .input(json!({"callers": callers}).to_string())
    };
    let other = json!([{"name": "shop", "signingSecret": secret}]);
    let refused = adding(other).run().await.exited_with(1);
    let said =
        format!("the caller `shop` has the credential of the caller `crm` of the integration `{}`", fixture.name);
    assert!(refused.stderr.contains(&said), "{refused:?}");
    // Before the platform has created what the document still lacks.
    let unfinished = fixture.add_named(&format!("{}-other", fixture.name)).with(&["--from", "-"]);
    let unfinished = unfinished.input(json!({"callers": [{"name": "shop", "signingSecret": secret}]}).to_string());
    let unfinished = unfinished.run().await.exited_with(1);
    assert!(unfinished.stderr.contains(&said), "{unfinished:?}");
    let token = "token-of-two-0123456789abcdef0123456789";
    let twice = json!([{"name": "a", "bearerToken": token}, {"name": "b", "bearerToken": token}]);
    let within = adding(twice).run().await.exited_with(1);
    assert!(within.stderr.contains("the callers `a` and `b` have the same credential"), "{within:?}");
    assert_eq!(1, fixture.listed().await, "nothing was written");

    let rotate = fixture.command(&["rotate", &fixture.name, "--secret", "caller:flows", "--secret-file", "-"]);
    let _ = adding(json!([{"name": "shop", "bearerToken": token}])).run().await.succeeded();
    let rotated = rotate.input(token).run().await.exited_with(1);
    let said = format!("has the credential of the caller `shop` of the integration `{}-other`", fixture.name);
    assert!(rotated.stderr.contains(&said), "{rotated:?}");
    for ran in [&refused, &unfinished, &within, &rotated] {
        assert!(!ran.all_output().contains(&secret) && !ran.all_output().contains(token), "{ran:?}");
    }
}

#[tokio::test]
async fn a_caller_is_restricted_to_routes_and_keeps_its_secret() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    let before = fixture.shown().await;
    let _ = fixture.add().with(&["--replace", "--caller", "crm:receipts,inbound"]).run().await.succeeded();
    let mut expected = before["configuration"].clone();
    expected["callers"][0]["routes"] = json!(["receipts", "inbound"]);
    assert_eq!(expected, fixture.shown().await["configuration"]);
    let shown = fixture.command(&["show", &fixture.name]).run().await.succeeded().json();
    assert_eq!(expected["callers"][0]["routes"], shown["configuration"]["callers"][0]["routes"]);
}
