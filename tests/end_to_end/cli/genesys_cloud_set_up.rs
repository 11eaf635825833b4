//! `patchbay integration add` makes typing and files work on a Genesys Cloud that has its defaults: no typing in either
//! direction, and no files of agents except JPEG, PNG and GIF.

use crate::cli::fixture::Fixture;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::command::Command;
use tests::harness::stack::{SIGNING_SECRET, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, Kind};

const SETTING: Kind = Kind::MessagingSetting;
const CONTENT: Kind = Kind::SupportedContent;

impl Fixture {
    pub(super) fn set_up(&self) -> Command {
        self.add().env("PATCHBAY_SIGNING_SECRET", SIGNING_SECRET)
    }

    fn own_name(&self) -> String {
        format!("Patchbay {}", self.name)
    }

    fn assigned(&self, kind: Kind) -> Value {
        let field = if kind == SETTING { "messagingSetting" } else { "supportedContent" };
        self.platform.integrations()[0][field]["name"].clone()
    }

    /// Everything on the platform, without the time of the last change.
    fn state(&self) -> Value {
        let mut integrations = self.platform.integrations();
        integrations.iter_mut().for_each(|one| drop(one["dateModified"].take()));
        json!([integrations, self.platform.profiles(SETTING), self.platform.profiles(CONTENT)])
    }

    /// Calls a route as the caller `flows`.
    async fn call(&self, route: &str, body: &Value) -> ApiResponse {
        let token = self.shown().await["configuration"]["callers"][1]["bearerToken"].as_str().unwrap().to_owned();
        let url = format!("{}/integrations/{}/{route}", self.stack.api_url, self.name);
        let request = self.stack.http.post(url).bearer_auth(token).header("content-type", "application/json");
        ApiResponse::read(request.body(Request::new(body).body).send().await.unwrap()).await
    }

    pub(super) async fn doctor(&self) -> Vec<Value> {
        let doctor = Command::new(&["doctor", &self.name, "--json"]).env("API_URL", &self.stack.api_url);
        doctor.run().await.json()["checks"].as_array().unwrap().clone()
    }

    /// The verdict, the observation and the advice of a check of the doctor.
    pub(super) fn check(checks: &[Value], name: &str) -> [String; 3] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        ["verdict", "seen", "advice"].map(|field| check[field].as_str().unwrap_or_default().to_owned())
    }
}

fn pdf() -> Value {
    let content = BASE64.encode(b"%PDF-1.7, or what passes for one");
    json!({"media": {"content": content, "fileName": "invoice.pdf", "contentType": "application/pdf"}})
}

#[tokio::test]
async fn typing_and_a_pdf_work_on_an_integration_with_the_platforms_defaults_once_it_is_added() {
    let fixture = Fixture::new().await;
    // As before this command: connected, without profiles.
    let without = ["--messaging-setting", "unchanged", "--supported-content", "unchanged"];
    let _ = fixture.set_up().with(&without).run().await.succeeded();
    let conversation = fixture.platform.open_conversation(&fixture.integration_id(), "customer-1");
    let agent =
        format!("conversations/{}/communications/{}", conversation.conversation_id, conversation.communication_id);
    let (typing, messages) = (format!("{agent}/typing"), format!("{agent}/messages"));
    let customers_typing = json!({"eventType": "Typing", "from": {"id": "customer-1"}});
    let agents_typing = json!({"durationMilliseconds": 600_000});

    assert_eq!(200, fixture.call("inbound/events", &customers_typing).await.status.as_u16());
    assert_eq!(200, fixture.call(&typing, &agents_typing).await.status.as_u16());
    let refused = fixture.call(&messages, &pdf()).await;
    assert_eq!(400, refused.status.as_u16(), "{:?}", refused.body);
    assert_eq!(0, fixture.platform.shown_typing("customer-1"));
    assert!(fixture.platform.finished_webhooks().await.is_empty());
    let before = fixture.doctor().await;
    for (check, option) in [("typing", "--messaging-setting own"), ("media types", "--supported-content own")] {
        let [verdict, seen, advice] = Fixture::check(&before, check);
        assert_eq!("warning", verdict);
        assert!(seen.contains("is assigned") && advice.contains(option), "{seen} {advice}");
    }

    let report = fixture.set_up().run().await.succeeded().json();
    assert!(report["steps"].to_string().contains("typing inbound on, outbound on"), "{report}");
    assert_eq!(200, fixture.call("inbound/events", &customers_typing).await.status.as_u16());
    assert_eq!(200, fixture.call(&typing, &agents_typing).await.status.as_u16());
    let sent = fixture.call(&messages, &pdf()).await;
    assert_eq!(200, sent.status.as_u16(), "{:?}", sent.body);
    assert_eq!(1, fixture.platform.shown_typing("customer-1"));
    let posted = fixture.platform.finished_webhooks().await;
    assert!(posted.len() == 2 && posted.iter().all(|posted| posted.answered == Some(200)), "{posted:?}");
    let delivered = fixture
        .service
        .wait_until(|attempts| attempts.iter().filter(|one| one.body["type"] != "test").count() >= 2)
        .await;
    let types: Vec<_> = delivered.iter().map(|attempt| attempt.body["type"].clone()).collect();
    assert!(types.contains(&json!("typing")) && types.contains(&json!("message.text")), "{types:?}");
    let after = fixture.doctor().await;
    for check in ["typing", "media types", "identity resolution"] {
        assert_eq!("ok", Fixture::check(&after, check)[0], "{after:?}");
    }
    assert!(Fixture::check(&after, "typing")[1].contains(&fixture.own_name()));
}

#[tokio::test]
async fn a_new_integration_gets_profiles_named_after_it_and_a_second_run_changes_nothing() {
    let fixture = Fixture::new().await;
    let _ = fixture.set_up().run().await.succeeded();
    for kind in [SETTING, CONTENT] {
        assert_eq!(json!(fixture.own_name()), fixture.assigned(kind));
    }
    let (state, shown) = (fixture.state(), fixture.shown().await);
    let report = fixture.set_up().run().await.succeeded().json();
    assert_eq!((state, shown), (fixture.state(), fixture.shown().await));
    assert!(!report["next"].to_string().contains("own"), "{report}");
}

#[tokio::test]
async fn what_an_existing_integration_has_besides_is_sent_back() {
    let fixture = Fixture::new().await;
    fixture.platform.add_integration("by-hand", "https://example.com/hooks", WEBHOOK_SECRET);
    fixture.platform.set_integration("by-hand", "webhookHeaders", json!({"X-Gateway": "gateway-key"}));
    let little =
        json!({"name": "Standard", "event": {"typing": {"on": {"inbound": "Enabled", "outbound": "Disabled"}}}});
    fixture.platform.assign_profile("by-hand", SETTING, &fixture.platform.add_profile(SETTING, little));
    let add = || fixture.set_up().with(&["--integration-id", "by-hand", "--yes"]);
    let _ = add().run().await.succeeded();
    let integration = fixture.platform.integrations().remove(0);
    assert_eq!(
        (&json!("made by hand"), &json!({"X-Gateway": "gateway-key"})),
        (&integration["name"], &integration["webhookHeaders"])
    );
    assert_eq!(json!(fixture.own_name()), fixture.assigned(SETTING), "typing outbound was off");
    let profiles = json!([integration["messagingSetting"], integration["supportedContent"]]);

    let _ = fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]).run().await.succeeded();
    let rotated = fixture.platform.integrations().remove(0);
    assert_eq!(json!({"X-Gateway": "gateway-key"}), rotated["webhookHeaders"]);
    assert_eq!(profiles, json!([rotated["messagingSetting"], rotated["supportedContent"]]));
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn with_a_wrong_id_the_integration_whose_webhooks_lead_here_is_taken_and_none_is_created() {
    let fixture = Fixture::new().await;
    fixture.platform.add_integration("by-hand", "https://example.com/hooks", WEBHOOK_SECRET);
    let _ = fixture.set_up().with(&["--integration-id", "by-hand", "--yes"]).run().await.succeeded();
    let wrong = ["--replace", "--no-platform", "--integration-id", "of-another-organisation"];
    let _ = fixture.set_up().with(&wrong).run().await.succeeded();
    let [verdict, seen, advice] = Fixture::check(&fixture.doctor().await, "open messaging integration");
    assert!(verdict == "fault" && seen.contains("of-another-organisation"), "{seen}");
    assert!(advice.contains("--replace --integration-id ID"), "{advice}");
    let added = fixture.set_up().run().await.succeeded().json();
    assert_eq!("by-hand", fixture.integration_id());
    assert_eq!(json!("by-hand"), fixture.shown().await["configuration"]["integrationId"]);
    assert!(added["next"].to_string().contains("Functions use the new configuration within"), "{added}");
}

#[tokio::test]
async fn a_header_whose_value_the_platform_hides_is_never_overwritten() {
    let fixture = Fixture::new().await;
    let _ = fixture.set_up().with(&["--webhook-header", "X-Barrier"]).run().await.succeeded();
    let headers = || fixture.platform.integrations()[0]["webhookHeaders"].clone();
    let id = fixture.integration_id();
    let mut with_gateway = headers();
    with_gateway["X-Gateway"] = "gateway-key".into();
    fixture.platform.set_integration(&id, "webhookHeaders", with_gateway.clone());
    fixture.platform.hide_headers();
    let state = (fixture.state(), fixture.shown().await);
    for command in [
        fixture.set_up(),
        fixture.command(&["rotate", &fixture.name, "--secret", "webhook"]),
        fixture.command(&["rotate", &fixture.name, "--secret", "webhook-header"]),
    ] {
        let stopped = command.run().await.exited_with(1);
        assert!(stopped.stderr.contains("webhook header X-Gateway"), "{stopped:?}");
        assert!(stopped.stderr.contains("add the header there again"), "{stopped:?}");
    }
    assert_eq!((with_gateway, state), (headers(), (fixture.state(), fixture.shown().await)));
    // Its own header it knows.
    fixture.platform.set_integration(&id, "webhookHeaders", json!({"x-barrier": headers()["x-barrier"]}));
    let _ = fixture.set_up().run().await.succeeded();
    fixture.message_is_accepted().await;
}

#[tokio::test]
async fn a_profile_that_was_chosen_stays_until_another_is_chosen() {
    let fixture = Fixture::new().await;
    let content =
        |types: Value| json!({"name": "Standard", "mediaTypes": {"allow": {"inbound": types, "outbound": types}}});
    // More than one page of them.
    for number in 0..120 {
        fixture.platform.add_profile(SETTING, json!({"name": format!("setting {number}")}));
    }
    let id = fixture.platform.add_profile(CONTENT, content(json!([{"type": "image/*"}])));
    let chosen = ["--messaging-setting", "setting 119", "--supported-content", id.as_str()];
    let report = fixture.set_up().with(&chosen).run().await.succeeded().json();
    assert!(report["next"].to_string().contains("`setting 119` has typing inbound off, outbound off"), "{report}");
    assert_eq!((json!("setting 119"), json!("Standard")), (fixture.assigned(SETTING), fixture.assigned(CONTENT)));
    let again = fixture.set_up().run().await.succeeded().json();
    assert!(again["next"].to_string().contains("--messaging-setting own"), "{again}");
    assert_eq!((json!("setting 119"), json!("Standard")), (fixture.assigned(SETTING), fixture.assigned(CONTENT)));

    let own =
        ["--messaging-setting", "own", "--supported-content", "own", "--outbound-media-type", "image/*,text/plain"];
    let _ = fixture.set_up().with(&own).run().await.succeeded();
    assert_eq!(
        (json!(fixture.own_name()), json!(fixture.own_name())),
        (fixture.assigned(SETTING), fixture.assigned(CONTENT))
    );
    let allow = || fixture.platform.profiles(CONTENT).pop().unwrap()["mediaTypes"]["allow"].take();
    let narrow = json!({"inbound": [{"type": "*/*"}], "outbound": [{"type": "image/*"}, {"type": "text/plain"}]});
    assert_eq!(narrow, allow());
    let _ = fixture.set_up().run().await.succeeded();
    assert_eq!(narrow, allow(), "a run without media types keeps them");
    let _ = fixture.set_up().with(&["--outbound-media-type", "*/*"]).run().await.succeeded();
    assert_eq!(json!([{"type": "*/*"}]), allow()["outbound"]);

    let missing = ["--messaging-setting", "00000000-0000-4000-8000-000000000000"];
    let refused = fixture.set_up().with(&missing).run().await.exited_with(1);
    assert!(refused.stderr.contains("no messaging setting with the id"), "{refused:?}");
}

#[tokio::test]
async fn an_integration_is_connected_without_a_profile_that_the_client_may_not_manage() {
    for (permission, kind, option) in [
        ("messaging:setting:view", SETTING, "--messaging-setting"),
        ("messaging:setting:add", SETTING, "--messaging-setting"),
        ("messaging:supportedContent:view", CONTENT, "--supported-content"),
        ("messaging:supportedContent:add", CONTENT, "--supported-content"),
    ] {
        let fixture = Fixture::new().await;
        fixture.platform.revoke_permission(permission);
        let report = fixture.set_up().run().await.succeeded().json();
        let said = format!("needs the permission {permission}");
        assert!(report["next"].to_string().contains(&said), "{report}");
        assert_eq!(Value::Null, fixture.assigned(kind), "{permission}");
        let asked_for = fixture.set_up().with(&[option, "own"]).run().await.exited_with(1);
        assert!(asked_for.stderr.contains(&said), "{asked_for:?}");
        fixture.platform.grant_permission(permission);
        let _ = fixture.set_up().run().await.succeeded();
        assert_eq!(json!(fixture.own_name()), fixture.assigned(kind), "{permission}");
    }
}

#[tokio::test]
async fn an_integration_is_connected_without_supported_content_where_its_creation_is_disabled() {
    let fixture = Fixture::new().await;
    fixture.platform.disable_supported_content();
    let report = fixture.set_up().run().await.succeeded().json();
    assert!(report["next"].to_string().contains("No supported content profile was assigned"), "{report}");
    assert_eq!((json!(fixture.own_name()), Value::Null), (fixture.assigned(SETTING), fixture.assigned(CONTENT)));
}

#[tokio::test]
async fn an_own_profile_that_was_switched_off_is_changed_back_if_the_client_may_change_it() {
    let fixture = Fixture::new().await;
    let off = json!({"name": fixture.own_name(), "content": {"story": {"reply": {"inbound": "Enabled"}}}});
    let _ = fixture.platform.add_profile(SETTING, off);
    fixture.platform.revoke_permission("messaging:setting:edit");
    let report = fixture.set_up().run().await.succeeded().json();
    assert!(report["next"].to_string().contains("needs the permission messaging:setting:edit"), "{report}");
    fixture.platform.grant_permission("messaging:setting:edit");
    let _ = fixture.set_up().run().await.succeeded();
    let settings = fixture.platform.profiles(SETTING);
    let both = json!({"inbound": "Enabled", "outbound": "Enabled"});
    assert_eq!((1, &both), (settings.len(), &settings[0]["event"]["typing"]["on"]));
    assert_eq!("Enabled", settings[0]["content"]["story"]["reply"]["inbound"]);
}

#[tokio::test]
async fn an_own_supported_content_profile_is_changed_if_the_client_may_change_it() {
    let fixture = Fixture::new().await;
    let images = json!([{"type": "image/*"}]);
    let own = json!({"name": fixture.own_name(), "mediaTypes": {"allow": {"inbound": images, "outbound": images}}});
    let _ = fixture.platform.add_profile(CONTENT, own);
    fixture.platform.revoke_permission("messaging:supportedContent:edit");
    let add = || fixture.set_up().with(&["--outbound-media-type", "*/*"]);
    let report = add().run().await.succeeded().json();
    assert!(report["next"].to_string().contains("needs the permission messaging:supportedContent:edit"), "{report}");
    fixture.platform.grant_permission("messaging:supportedContent:edit");
    let _ = add().run().await.succeeded();
    let allow = fixture.platform.profiles(CONTENT)[0]["mediaTypes"]["allow"].clone();
    assert_eq!(json!({"inbound": images, "outbound": [{"type": "*/*"}]}), allow);
}

#[tokio::test]
async fn the_doctor_knows_the_organisations_default_profiles() {
    let fixture = Fixture::new().await;
    let unchanged = ["--messaging-setting", "unchanged", "--supported-content", "unchanged"];
    let _ = fixture.set_up().with(&unchanged).run().await.succeeded();
    let [_, seen, _] = Fixture::check(&fixture.doctor().await, "typing");
    assert!(seen.contains("the organisation has no default"), "{seen}");
    let typing = |outbound: &str| {
        let on = json!({"inbound": "Enabled", "outbound": outbound});
        fixture.platform.add_profile(SETTING, json!({"name": "Standard", "event": {"typing": {"on": on}}}))
    };
    let any = json!([{"type": "*/*"}]);
    let content = json!({"name": "Everything", "mediaTypes": {"allow": {"inbound": any, "outbound": any}}});
    fixture.platform.set_default_profile(CONTENT, &fixture.platform.add_profile(CONTENT, content));
    for (outbound, verdict) in [("Enabled", "ok"), ("Disabled", "warning")] {
        fixture.platform.set_default_profile(SETTING, &typing(outbound));
        let checks = fixture.doctor().await;
        let [found, seen, _] = Fixture::check(&checks, "typing");
        assert_eq!((verdict, true), (found.as_str(), seen.contains("messaging setting `Standard`")), "{seen}");
        let [found, seen, _] = Fixture::check(&checks, "media types");
        assert_eq!(("ok", true), (found.as_str(), seen.contains("profile `Everything`")), "{seen}");
    }
}

#[tokio::test]
async fn the_profiles_and_identity_resolution_are_asked_for_at_a_terminal() {
    let fixture = Fixture::new().await;
    let _ = fixture.platform.add_profile(CONTENT, json!({"name": "Standard", "mediaTypes": {"allow": {}}}));
    let answers = [
        ("Platform", "genesys-cloud"),
        ("Messages for customers", ""),
        ("Domain", fixture.platform.url.as_str()),
        ("Id of the OAuth client", CLIENT_ID),
        ("Secret of the OAuth client", CLIENT_SECRET),
        ("URL to deliver", fixture.service.url.as_str()),
        ("The messaging setting: own", ""),
        ("another: `Standard`", "Standard"),
        ("Match customers", "maybe"),
        ("must be one of these words", "yes"),
    ];
    let ran = fixture.human(&["add", &fixture.name]).run_in_terminal(&answers).await.succeeded();
    assert!(ran.stdout.contains("is connected"), "{ran:#?}");
    assert_eq!((json!(fixture.own_name()), json!("Standard")), (fixture.assigned(SETTING), fixture.assigned(CONTENT)));
    assert_eq!(json!(true), fixture.platform.identity_resolution(&fixture.integration_id())["resolveIdentities"]);
}

#[tokio::test]
async fn identity_resolution_is_set_on_request_and_keeps_its_division() {
    let fixture = Fixture::new().await;
    let _ = fixture.set_up().run().await.succeeded();
    let id = fixture.integration_id();
    let before = fixture.platform.identity_resolution(&id);
    fixture.platform.revoke_permission("messaging:identityResolutionOpen:edit");
    let refused = fixture.set_up().with(&["--resolve-identities"]).run().await.exited_with(1);
    assert!(refused.stderr.contains("messaging:identityResolutionOpen:edit"), "{refused:?}");
    fixture.platform.grant_permission("messaging:identityResolutionOpen:edit");
    let _ = fixture.set_up().with(&["--resolve-identities"]).run().await.succeeded();
    let after = fixture.platform.identity_resolution(&id);
    assert_eq!((json!(true), &before["division"]), (after["resolveIdentities"].clone(), &after["division"]));
    assert_eq!(
        "customers are matched with external contacts",
        Fixture::check(&fixture.doctor().await, "identity resolution")[1]
    );
    let _ = fixture.set_up().run().await.succeeded();
    assert_eq!(after, fixture.platform.identity_resolution(&id), "unless asked for it stays");
    let _ = fixture.set_up().with(&["--resolve-identities=false"]).run().await.succeeded();
    assert_eq!(json!(false), fixture.platform.identity_resolution(&id)["resolveIdentities"]);
}

#[tokio::test]
async fn the_doctor_names_the_permissions_that_it_lacks_for_the_profiles() {
    let fixture = Fixture::new().await;
    let _ = fixture.set_up().run().await.succeeded();
    for permission in
        ["messaging:setting:view", "messaging:supportedContent:view", "messaging:identityResolutionOpen:view"]
    {
        fixture.platform.revoke_permission(permission);
    }
    let checks = fixture.doctor().await;
    for (check, permission) in [
        ("typing", "messaging:setting:view"),
        ("media types", "messaging:supportedContent:view"),
        ("identity resolution", "messaging:identityResolutionOpen:view"),
    ] {
        let [verdict, seen, _] = Fixture::check(&checks, check);
        assert_eq!(("skipped", true), (verdict.as_str(), seen.contains(permission)), "{seen}");
    }
}
