//! `patchbay send` calls the caller endpoints.

use crate::callers::cards::USER;
use crate::fixtures::WithPlatform;
use serde_json::{Value, json};
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::command::{Command, CommandOutput, patchbay};
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::messaging_service::MessagingService;

const TIME: &str = "2026-01-02T03:04:05Z";

impl WithPlatform {
    /// Runs `patchbay send WHAT NAME …` and returns its JSON output.
    async fn sent(&self, what: &[&str], options: &[&str]) -> Value {
        let ran = self.send(what, options).run().await.succeeded();
        ran.assert_hides_secrets();
        ran.json()
    }

    fn send(&self, what: &[&str], options: &[&str]) -> Command {
        Command::new(&["--json", "send"]).with(what).with(&[self.integration.name.as_str()]).with(options)
    }

    fn agentless(&self, options: &[&str]) -> Command {
        self.send(&["agentless"], &["--to", "customer-1", "--text", "hello"]).with(options)
    }
}

trait Hides {
    fn assert_hides_secrets(&self);
}

impl Hides for CommandOutput {
    fn assert_hides_secrets(&self) {
        for hidden in [BEARER_TOKEN, CALLER_SECRET, "whsec_", "v1,"] {
            assert!(!self.all_output().contains(hidden), "{hidden}: {self:#?}");
        }
    }
}

#[tokio::test]
async fn an_agentless_message_is_sent_from_the_options() {
    let fixture = WithPlatform::start().await;
    let answer = fixture.sent(&["agentless"], &["--to", "customer-1", "--text", "hello"]).await;
    assert_eq!(200, answer["status"]);
    assert!(answer["body"]["id"].is_string() && answer["body"]["conversationId"].is_string(), "{answer}");
    assert!(answer["idempotencyKey"].as_str().unwrap().starts_with("msg_"));
    let expected = json!({
        "fromAddress": fixture.integration.integration_id,
        "toAddress": "customer-1",
        "toAddressMessengerType": "open",
        "textBody": "hello",
    });
    assert_eq!(expected, fixture.platform.calls()[0].body);
}

#[tokio::test]
async fn human_output_shows_the_ids_and_the_key_and_nothing_else() {
    let fixture = WithPlatform::start().await;
    let name = fixture.integration.name.as_str();
    let arguments = ["send", "agentless", name, "--to", "c", "--text", "hello", "--idempotency-key", "order-1"];
    let ran = patchbay(&arguments).await.succeeded();
    let names: Vec<_> = ran.stdout.lines().map(|line| line.split("  ").next().unwrap().trim()).collect();
    assert!(names.starts_with(&["status"]) && names.ends_with(&["idempotency key"]), "{ran:#?}");
    assert!(names.contains(&"id") && names.contains(&"conversationId") && ran.stderr.is_empty(), "{ran:#?}");
    let again = patchbay(&arguments).await.succeeded();
    assert!(again.stdout.contains("200, replayed"), "{again:#?}");
    assert_eq!(1, fixture.platform.calls().len());
}

#[tokio::test]
async fn a_receipt_is_sent_with_its_reasons() {
    let fixture = WithPlatform::start().await;
    let options = ["--message-id", "m-1", "--to", "customer-1", "--status", "failed"];
    let answer = fixture.sent(&["receipt"], &[&options[..], &["--reason", "530=No such number"]].concat()).await;
    assert_eq!("posted", answer["body"]["outcome"]);
    let body = &fixture.platform.calls_of("receipt")[0].body;
    assert_eq!((json!("m-1"), json!("Failed")), (body["id"].clone(), body["status"].clone()));
    assert_eq!(json!([{"code": "InvalidDestination", "message": "No such number"}]), body["reasons"]);
}

#[tokio::test]
async fn a_customers_messages_typing_and_choices_are_sent() {
    let fixture = WithPlatform::start().await;
    let written = ["--from", "customer-1", "--nickname", "Ada", "--text", "Where is it?", "--time", TIME];
    let answer = fixture.sent(&["inbound", "message"], &[&written[..], &["--message-id", "m-1"]].concat()).await;
    assert_eq!("m-1", answer["body"]["messageId"]);
    let body = &fixture.platform.calls_of("inbound-message")[0].body;
    assert_eq!(
        (json!("Where is it?"), json!("customer-1"), json!("Ada")),
        (body["text"].clone(), body["channel"]["from"]["id"].clone(), body["channel"]["from"]["nickname"].clone())
    );

    let answer = fixture.sent(&["inbound", "typing"], &["--from", "customer-1"]).await;
    assert_eq!("posted", answer["body"]["outcome"]);
    assert_eq!(1, fixture.platform.calls_of("inbound-event").len());

    fixture.platform.know_message("o-1");
    let chosen =
        ["--from", "customer-1", "--originating-message-id", "o-1", "--text", "Tomorrow", "--payload", "day=1"];
    let answer = fixture.sent(&["inbound", "response"], &chosen).await;
    assert_eq!(answer["idempotencyKey"], answer["body"]["messageId"], "without a key, the id is the key");
    let body = fixture.platform.calls_of("structured-response")[0].body.to_string();
    assert!(body.contains("Tomorrow") && body.contains("day=1") && body.contains("o-1"), "{body}");
}

#[tokio::test]
async fn a_card_is_sent_to_a_user_and_to_a_customer() {
    let fixture = WithPlatform::start().await;
    fixture.platform.add_user(USER, "ada@example.com");
    let shown = [
        "--title",
        "Your parcel",
        "--subtitle",
        "When may it come?",
        "--action",
        "postBack:Tomorrow=day=1",
        "--action",
        "openUrl:Follow it=https://example.com/parcels/1",
    ];
    let answer = fixture.sent(&["card"], &[&["--user-id", USER], &shown[..]].concat()).await;
    assert_eq!((json!(202), json!("open-messaging")), (answer["status"].clone(), answer["body"]["route"].clone()));
    let expected = json!({
        "type": "card", "cardType": "basic", "title": "Your parcel", "subtitle": "When may it come?",
        "actions": [
            {"type": "postBack", "title": "Tomorrow", "payload": "day=1"},
            {"type": "openUrl", "title": "Follow it", "url": "https://example.com/parcels/1"},
        ],
    });
    assert_eq!(json!([expected]), fixture.platform.calls()[0].body["content"]);

    let service = MessagingService::start().await;
    let fixture = WithPlatform::delivering_to(&service.url, |configuration| {
        configuration["cards"] = json!({"route": "messaging-service"});
    })
    .await;
    let to_customer = ["--to", "customer-1", "--quick-reply", "Yes", "--quick-reply", "No=n"];
    let answer = fixture.sent(&["card"], &[&to_customer, &shown[..]].concat()).await;
    let attempt = service.wait_for(answer["body"]["id"].as_str().unwrap()).await;
    assert_eq!("customer-1", attempt.customer());
    let delivered = attempt.body["data"]["content"].to_string();
    assert!(delivered.contains("Your parcel") && delivered.contains("day=1"), "{delivered}");
}

#[tokio::test]
async fn a_whole_body_may_come_from_standard_input_or_from_a_file() {
    let fixture = WithPlatform::start().await;
    let body = json!({"receipts": [
        {"messageId": "m-1", "to": {"id": "c"}, "status": "delivered"},
        {"messageId": "m-2", "to": {"id": "c"}, "status": "sent"},
    ]});
    let ran = fixture.send(&["receipt"], &["--body", "-"]).input(body.to_string()).run().await.succeeded();
    assert_eq!(207, ran.json()["status"]);
    let outcomes: Vec<_> =
        ran.json()["body"]["receipts"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(vec!["posted", "acknowledged"], outcomes);
    let missing = fixture.send(&["receipt"], &["--body", "/nowhere/at/all.json"]).run().await.exited_with(2);
    assert!(missing.stderr.contains("/nowhere/at/all.json cannot be read"), "{missing:#?}");
}

#[tokio::test]
async fn a_caller_may_be_chosen_and_one_without_access_to_the_secret_brings_a_credential() {
    let fixture = WithPlatform::start().await;
    for options in [&["--caller", "flows"][..], &["--caller", "crm"]] {
        let _ = fixture.agentless(options).run().await.succeeded();
    }
    let variable = ["--bearer-token-env", "THE_TOKEN"];
    let _ = fixture.agentless(&variable).env("THE_TOKEN", BEARER_TOKEN).run().await.succeeded();
    let variable = ["--signing-secret-env", "THE_SECRET"];
    let _ = fixture.agentless(&variable).env("THE_SECRET", CALLER_SECRET).run().await.succeeded();
    assert_eq!(4, fixture.platform.calls().len());

    let unknown = fixture.agentless(&["--caller", "erp"]).run().await.exited_with(1);
    assert!(unknown.stderr.contains("no caller `erp`; it has `crm`, `flows`"), "{unknown:#?}");
    let wrong = fixture.agentless(&["--bearer-token-env", "THE_TOKEN"]);
    let wrong = wrong.env("THE_TOKEN", "not-the-right-token-0123456789abcdef").run().await.exited_with(1);
    assert!(wrong.stderr.contains("Authentication failed (status 401)"), "{wrong:#?}");
    assert_eq!(401, wrong.json()["status"]);
    wrong.assert_hides_secrets();
    let unset = fixture.agentless(&["--bearer-token-env", "NO_SUCH_VARIABLE_OF_OURS"]).run().await.exited_with(2);
    assert!(unset.stdout.is_empty(), "{unset:#?}");
    assert_eq!(4, fixture.platform.calls().len());
}

#[tokio::test]
async fn a_refusal_is_shown_with_every_field_and_with_the_platforms_code() {
    let fixture = WithPlatform::start().await;
    let body = json!({"textBody": 5, "colour": "red"}).to_string();
    let refused = fixture.send(&["agentless"], &["--body", "-"]).input(body).run().await.exited_with(1);
    for named in ["Invalid request body (status 400)", "/textBody ", "/toAddress ", "/colour "] {
        assert!(refused.stderr.contains(named), "{named}: {refused:#?}");
    }
    assert_eq!("urn:patchbay:problem:invalid-body", refused.json()["body"]["type"]);

    fixture.platform.fail([Fault::Status(404)]);
    let refused = fixture.agentless(&[]).run().await.exited_with(1);
    assert!(refused.stderr.contains("the platform says: code simulated, message This is simulated."), "{refused:#?}");
}

#[tokio::test]
async fn a_refusal_with_one_error_prints_it_once() {
    let fixture = WithPlatform::start().await;
    let body = json!({"textBody": 5, "toAddress": "customer-1"}).to_string();
    let refused = fixture.send(&["agentless"], &["--body", "-"]).input(body).run().await.exited_with(1);
    assert!(refused.stderr.contains("(status 400): /textBody must be "), "{refused:#?}");
    assert_eq!(1, refused.stderr.matches("/textBody").count(), "{refused:#?}");
    let refused = fixture.send(&["agentless"], &["--body", "-"]).input("{").run().await.exited_with(1);
    assert_eq!(1, refused.stderr.matches("is not valid JSON").count(), "{refused:#?}");
}

#[tokio::test]
async fn the_status_of_a_receipt_is_shown_once() {
    let fixture = WithPlatform::start().await;
    let receipt = ["--message-id", "m-1", "--to", "customer-1", "--status", "failed"];
    let arguments = [&["send", "receipt", fixture.integration.name.as_str()][..], &receipt].concat();
    let ran = patchbay(&arguments).await.succeeded();
    assert_eq!(1, ran.stdout.lines().filter(|line| line.starts_with("status ")).count(), "{ran:#?}");
    assert!(ran.stdout.contains("posted"), "{ran:#?}");
}

#[tokio::test]
async fn a_request_that_could_not_be_sent_is_not_reported_as_an_unknown_outcome() {
    let fixture = WithPlatform::start().await;
    let broken = fixture.agentless(&["--bearer-token-env", "THE_TOKEN"]).env("THE_TOKEN", "a token\nof two lines");
    let ran = broken.run().await.exited_with(1);
    assert!(ran.stderr.contains("the request cannot be built, and nothing was sent"), "{ran:#?}");
    assert!(!ran.all_output().contains("unknown") && !ran.all_output().contains("two lines"), "{ran:#?}");
    assert!(fixture.platform.calls().is_empty());
}

#[tokio::test]
async fn without_callers_the_command_says_how_to_add_one() {
    let fixture = WithPlatform::delivering_to("http://127.0.0.1:9/", |configuration| {
        configuration["callers"] = json!([]);
    })
    .await;
    let ran = fixture.agentless(&[]).run().await.exited_with(1);
    let cure = format!("`patchbay integration add {} --replace --caller crm` adds one", fixture.integration.name);
    assert!(ran.stderr.contains(&cure), "{ran:#?}");
}

#[tokio::test]
async fn an_unknown_outcome_is_reported_and_the_same_key_sends_nothing_again() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::ResponseLost]);
    for _ in 0..2 {
        let unknown = fixture.agentless(&["--idempotency-key", "order-1"]).run().await.exited_with(1);
        assert!(unknown.stderr.contains("Outcome unknown (status 504)"), "{unknown:#?}");
        assert!(unknown.stderr.contains("--idempotency-key 'order-1'"), "{unknown:#?}");
        assert_eq!("urn:patchbay:problem:outcome-unknown", unknown.json()["body"]["type"]);
    }
    assert_eq!((1, 1), (fixture.platform.calls().len(), fixture.platform.attempts()));
}

#[tokio::test]
async fn a_retryable_refusal_says_when_and_with_which_key_and_time_to_retry() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::RateLimited(120)]);
    let limited = fixture.agentless(&["--idempotency-key", "order-1"]).run().await.exited_with(1);
    for named in ["retry after 120 s", "Retry it with --idempotency-key 'order-1'"] {
        assert!(limited.stderr.contains(named), "{limited:#?}");
    }
    assert_eq!("120", limited.json()["headers"]["retry-after"]);
    let _ = fixture.agentless(&["--idempotency-key", "order-1"]).run().await.succeeded();

    fixture.platform.fail_tokens([Fault::Status(503); 5]);
    fixture.platform.revoke_tokens();
    let written = ["--from", "c", "--text", "hi", "--idempotency-key", "k"];
    let unavailable = fixture.send(&["inbound", "message"], &written).run().await.exited_with(1);
    let said = unavailable.stderr.split("--time ").nth(1).unwrap_or_else(|| panic!("{unavailable:#?}"));
    let time: String = said.chars().take_while(|character| !matches!(character, '.' | '"')).collect();
    assert!(time.starts_with("20"), "{unavailable:#?}");
}

#[tokio::test]
async fn missing_or_extra_arguments_are_a_usage_error() {
    for arguments in [
        &["send", "agentless", "acme", "--to", "c"][..],
        &["send", "agentless", "acme", "--text", "hello"],
        &["send", "agentless", "acme", "--to", "c", "--text", "hello", "--body", "-"],
        &["send", "agentless", "Not A Name", "--to", "c", "--text", "hello"],
        &["send", "agentless", "acme", "--to", "c", "--text", "hello", "--idempotency-key", ""],
        &["send", "card", "acme", "--title", "t"],
        &["send", "card", "acme", "--to", "c"],
        &["send", "card", "acme", "--to", "c", "--email", "c@example.com", "--title", "t"],
        &["send", "card", "acme", "--to", "c", "--title", "t", "--action", "call:Us"],
        &["send", "receipt", "acme", "--to", "c", "--message-id", "m"],
        &["send", "inbound", "acme"],
    ] {
        let ran = patchbay(arguments).await.exited_with(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}: {ran:#?}");
    }
}

#[tokio::test]
async fn a_missing_integration_is_named() {
    let ran =
        patchbay(&["send", "agentless", "no-such-integration", "--to", "c", "--text", "hello"]).await.exited_with(1);
    assert!(ran.stderr.contains("the integration `no-such-integration`: no integration of this name"), "{ran:#?}");
}
