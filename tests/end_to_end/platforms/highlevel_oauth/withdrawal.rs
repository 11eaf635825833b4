//! The app is uninstalled.

use super::{Fixture, message};
use crate::observability::logs::log_with;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::simulators::highlevel::api::oauth::{COMPANY_ID, OAUTH_APP_ID, UserType};
use uuid::Uuid;

fn event(kind: &str, more: Value) -> Value {
    let mut event = json!({"type": kind, "appId": OAUTH_APP_ID, "timestamp": Timestamp::now(), "webhookId": Uuid::new_v4().to_string()});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn uninstalling_the_app_ends_the_tokens_and_calls_name_the_command() {
    for agency in [false, true] {
        let fixture = Fixture::start().await;
        let of = |location: &str, company: &str| {
            if agency { json!({"companyId": company}) } else { json!({"locationId": location}) }
        };
        let (location, integration) = (fixture.integration.integration_id.as_str(), &fixture.integration);
        let send = async |event: Value| fixture.keys.sign(&event).acknowledged(&fixture.stack, integration).await;
        send(event("INSTALL", of(location, COMPANY_ID))).await;
        // Another location's or agency's, another app's, and one from before the tokens were issued.
        send(event("UNINSTALL", of("another", "another"))).await;
        let mut other_app = event("UNINSTALL", of(location, COMPANY_ID));
        other_app["appId"] = "another".into();
        send(other_app).await;
        let mut old = event("UNINSTALL", of(location, COMPANY_ID));
        old["timestamp"] = (Timestamp::now() - SignedDuration::from_hours(1)).to_string().into();
        send(old).await;
        log_with(fixture.name(), &[("withdrawal_ignored", "the tokens are newer")]).await;
        assert_eq!(200, fixture.post_receipt().await.status.as_u16());

        send(event("UNINSTALL", of(location, COMPANY_ID))).await;
        let withdrawn = fixture.stored_when(|tokens| tokens["withdrawnAt"].is_string()).await;
        assert!(withdrawn.get("refreshToken").is_none() && withdrawn.get("accessToken").is_none(), "{withdrawn}");
        assert!(fixture.doctor().await["seen"].as_str().unwrap().contains("uninstalled at"));
        fixture.platform.oauth().uninstall();
        let calls = fixture.platform.calls().len();
        let answer = Request::new(&message()).signed().post(&fixture.stack, integration, "inbound/messages").await;
        answer.assert_problem(502, "platform-credentials");
        let detail =
            format!("The authorization was withdrawn: run `patchbay integration authorize {}`.", fixture.name());
        assert_eq!(detail, answer.body["detail"]);

        let code = fixture.platform.oauth().authorize(location, UserType::Location);
        let authorized = fixture.authorize().with(&["--code", &code]).run().await.succeeded();
        assert_eq!(location, authorized.json()["locationId"]);
        assert!(integration.tokens().await.get("withdrawnAt").is_none());
        assert_eq!(calls, fixture.platform.calls().len());
    }
}

/// Tokens that are old enough to be renewed, and not due.
fn an_hour_old(tokens: &mut Value) {
    tokens["issuedAt"] = (Timestamp::now() - SignedDuration::from_hours(1)).to_string().into();
}

#[tokio::test]
async fn a_report_without_a_time_deletes_the_tokens_only_if_the_platform_renews_none() {
    let fixture = Fixture::with_tokens(an_hour_old).await;
    let location = fixture.integration.integration_id.as_str();
    let report = fixture.keys.sign(&json!({"type": "UNINSTALL", "appId": OAUTH_APP_ID, "locationId": location}));
    // An old report, sent again after the app was installed again.
    report.acknowledged(&fixture.stack, &fixture.integration).await;
    log_with(fixture.name(), &[("withdrawal_ignored", "the platform still renews the tokens")]).await;
    assert_eq!(200, fixture.post_receipt().await.status.as_u16());
    assert_eq!(1, fixture.platform.oauth().issues().len());

    let fixture = Fixture::with_tokens(an_hour_old).await;
    let location = fixture.integration.integration_id.as_str();
    fixture.platform.oauth().uninstall();
    let report = fixture.keys.sign(&json!({"type": "UNINSTALL", "appId": OAUTH_APP_ID, "locationId": location}));
    report.acknowledged(&fixture.stack, &fixture.integration).await;
    let withdrawn = fixture.stored_when(|tokens| tokens["withdrawnAt"].is_string()).await;
    assert!(withdrawn.get("refreshToken").is_none() && withdrawn.get("accessToken").is_none(), "{withdrawn}");
}
