//! HighLevel's tokens that expire: one process renews them, whatever happens to it, and an operator authorizes the app.

use crate::observability::logs::log_with;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::command::Command;
use tests::harness::lambda_host::LambdaHost;
use tests::harness::listener::listen;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::api::oauth::{CLIENT_SECRET, COMPANY_ID, Issue, OAUTH_APP_ID, UserType};
use tests::simulators::highlevel::{Keys, Sample, installed, use_app};
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use uuid::Uuid;

const NOWHERE: &str = "http://127.0.0.1:9/";

struct Fixture {
    stack: Stack,
    platform: HighLevel,
    keys: Keys,
    integration: TestIntegration,
}

impl Fixture {
    async fn start() -> Self {
        Self::with_tokens(|_| {}).await
    }

    async fn with_tokens(change: impl FnOnce(&mut Value)) -> Self {
        Self::on(HighLevel::start().await, change).await
    }

    async fn on(platform: HighLevel, change: impl FnOnce(&mut Value)) -> Self {
        let (stack, keys) = (Stack::connect().await, Keys::generate());
        let integration = installed(&stack, &keys, &platform, NOWHERE, change).await;
        Self { stack, platform, keys, integration }
    }

    fn name(&self) -> &str {
        self.integration.name.as_str()
    }

    /// Posts a receipt through the deployed function.
    async fn post_receipt(&self) -> ApiResponse {
        Request::new(&receipt()).signed().post(&self.stack, &self.integration, "receipts").await
    }

    async fn post_through(&self, function: &LambdaHost, route: &str, body: &Value) -> (u64, Value) {
        let request = Request::new(body).signed();
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = format!("/integrations/{}/{route}", self.integration.name);
        function.request(&path, self.name(), &headers, &request.body).await
    }

    /// Waits until the tokens satisfy `is_there`.
    async fn stored_when(&self, is_there: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let tokens = self.integration.tokens().await;
            if is_there(&tokens) {
                return tokens;
            }
            assert!(Instant::now() < deadline, "{tokens}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn authorize(&self) -> Command {
        Command::new(&["integration", "authorize", self.name(), "--json"])
    }

    async fn doctor(&self) -> Value {
        let report = Command::new(&["doctor", self.name(), "--skip-delivery", "--json"]).run().await;
        assert!(!report.contains("refresh-") && !report.contains("access-") && !report.contains(CLIENT_SECRET));
        let report = report.json();
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "authorization").unwrap().clone()
    }
}

fn receipt() -> Value {
    json!({"messageId": Uuid::new_v4().simple().to_string(), "to": {"id": "contact-17"}, "status": "delivered"})
}

fn message() -> Value {
    json!({
        "messageId": Uuid::new_v4().simple().to_string(), "from": {"id": "contact-17"}, "time": Timestamp::now(),
        "conversationId": "c-1", "text": "hello",
    })
}

/// Tokens whose access token has expired.
fn expired(tokens: &mut Value) {
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    tokens["expiresAt"] = past.to_string().into();
    tokens["issuedAt"] = (past - SignedDuration::from_hours(24)).to_string().into();
}

fn refreshes_with(token: &Value) -> Issue {
    Issue { grant: "refresh_token".to_owned(), used: token.as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn tokens_of_a_few_seconds_are_renewed_once_each_by_one_of_several_processes_and_no_request_is_refused() {
    let platform = HighLevel::start().await;
    platform.oauth().set_lifetime(Duration::from_secs(8));
    let fixture = Fixture::on(platform, |_| {}).await;
    let functions = ["receipt-poster", "receipt-poster", "receipt-poster", "inbound-sender"]
        .map(|name| LambdaHost::start(name, &[]));
    let functions = futures::future::join_all(functions).await;
    let answered = AtomicUsize::new(0);
    let renewed = || fixture.platform.oauth().issues().len();
    let load = functions.iter().enumerate().map(async |(index, function)| {
        while renewed() < 3 {
            let (route, body) = if index == 3 { ("inbound/messages", message()) } else { ("receipts", receipt()) };
            let (status, body) = fixture.post_through(function, route, &body).await;
            assert!(matches!(status, 200 | 202), "{status} {body}");
            answered.fetch_add(1, Ordering::SeqCst);
        }
    });
    futures::future::join_all(load).await;
    let mut used: Vec<_> = fixture.platform.oauth().issues().into_iter().map(|issue| issue.used).collect();
    let renewals = used.len();
    used.sort();
    used.dedup();
    assert_eq!(renewals, used.len(), "a refresh token was used by two processes");
    assert_eq!((0, answered.into_inner()), (fixture.platform.tokens().refused(), fixture.platform.calls().len()));
    let stored = fixture.integration.tokens().await;
    assert_eq!(json!({"kept": true}), stored["ofAnotherVersion"]);
}

#[tokio::test]
async fn a_process_that_is_killed_before_it_writes_the_tokens_is_replaced_by_another_within_the_platforms_grace() {
    let fixture = Fixture::with_tokens(expired).await;
    let before = fixture.integration.tokens().await;
    let aws = AwsProxy::start().await;
    aws.hold("PutSecretValue");
    let killed = LambdaHost::start("receipt-poster", &[("AWS_ENDPOINT_URL", &aws.url)]).await;
    let body = receipt();
    tokio::select! {
        answer = fixture.post_through(&killed, "receipts", &body) => panic!("{answer:?}"),
        () = aws.wait_for("PutSecretValue") => {}
    }
    drop(killed);
    let successor = LambdaHost::start("receipt-poster", &[]).await;
    let mut answer = fixture.post_through(&successor, "receipts", &receipt()).await;
    if answer.0 == 503 {
        // The lease of the killed process lasts about as long as a request. A caller tries again.
        answer = fixture.post_through(&successor, "receipts", &receipt()).await;
    }
    assert_eq!(200, answer.0, "{answer:?}");
    let refresh = refreshes_with(&before["refreshToken"]);
    assert_eq!(vec![refresh.clone(), refresh], fixture.platform.oauth().issues());
    assert_eq!((0, 1), (fixture.platform.tokens().refused(), fixture.platform.calls().len()));
}

#[tokio::test]
async fn a_lost_response_with_tokens_is_requested_again_with_the_same_refresh_token() {
    let fixture = Fixture::with_tokens(expired).await;
    let before = fixture.integration.tokens().await;
    fixture.platform.oauth().lose_answers(1);
    assert_eq!(200, fixture.post_receipt().await.status.as_u16());
    let refresh = refreshes_with(&before["refreshToken"]);
    assert_eq!(vec![refresh.clone(), refresh], fixture.platform.oauth().issues());
}

#[tokio::test]
async fn a_failed_token_request_is_no_unknown_outcome_of_the_call_that_needs_the_token() {
    let fixture = Fixture::with_tokens(expired).await;
    let post =
        async |route, body: &Value| Request::new(body).signed().post(&fixture.stack, &fixture.integration, route).await;
    let message = message();
    fixture.platform.oauth().fail_with(Some(503));
    post("inbound/messages", &message).await.assert_problem(503, "unavailable");
    fixture.platform.oauth().fail_with(None);
    // As many as one renewal requests. There may be no time for another one.
    fixture.platform.oauth().lose_answers(5);
    let mut email = receipt();
    email["emailMessageId"] = "e-1".into();
    let mut answer = post("receipts", &email).await;
    while answer.status.as_u16() == 503 {
        answer = post("receipts", &email).await;
    }
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(1, fixture.platform.email_events());
    let answer = post("inbound/messages", &message).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(1, fixture.platform.calls_of("inbound").len());
}

#[tokio::test]
async fn a_refused_access_token_is_replaced_for_a_status_that_could_also_be_too_early() {
    let fixture = Fixture::with_tokens(|tokens| {
        tokens["issuedAt"] = (Timestamp::now() - SignedDuration::from_hours(1)).to_string().into();
    })
    .await;
    fixture.platform.oauth().revoke_access_tokens();
    assert_eq!(200, fixture.post_receipt().await.status.as_u16());
    assert_eq!((1, 1), (fixture.platform.oauth().issues().len(), fixture.platform.calls().len()));
}

#[tokio::test]
async fn tokens_are_renewed_without_a_refresh_token_if_the_platform_no_longer_accepts_it() {
    let fixture = Fixture::with_tokens(|tokens| {
        expired(tokens);
        tokens["refreshToken"] = "refresh-used-long-ago".into();
    })
    .await;
    assert_eq!(200, fixture.post_receipt().await.status.as_u16());
    let issues = fixture.platform.oauth().issues();
    assert_eq!(vec!["authorization_code"], issues.iter().map(|issue| issue.grant.as_str()).collect::<Vec<_>>());
    let stored = fixture.integration.tokens().await;
    assert!(
        stored["refreshToken"].as_str().unwrap() != "refresh-used-long-ago" && stored["ofAnotherVersion"].is_object()
    );
}

#[tokio::test]
async fn a_lost_authorization_is_reported_with_the_command_that_ends_it() {
    let fixture = Fixture::with_tokens(expired).await;
    fixture.platform.oauth().uninstall();
    let answer = fixture.post_receipt().await;
    answer.assert_problem(502, "platform-credentials");
    let command = format!("patchbay integration authorize {}", fixture.name());
    assert!(answer.body["detail"].to_string().contains(&command), "{:?}", answer.body);
    log_with(fixture.name(), &[("authorization_not_renewed", "AuthorizationsNotRenewed")]).await;
    assert!(fixture.platform.calls().is_empty());
    let check = fixture.doctor().await;
    assert_eq!("fault", verdict(&check).0);
    assert!(verdict(&check).1.contains("refused to renew the tokens"), "{check}");
}

#[tokio::test]
async fn an_authorization_is_lost_if_the_platform_accepts_neither_the_refresh_token_nor_the_client() {
    let fixture = Fixture::with_tokens(|tokens| {
        expired(tokens);
        tokens["refreshToken"] = "refresh-used-long-ago".into();
    })
    .await;
    fixture.platform.oauth().refuse_reconnect();
    fixture.post_receipt().await.assert_problem(502, "platform-credentials");
    assert!(fixture.integration.tokens().await["lostAt"].is_string());
    assert!(fixture.platform.oauth().issues().is_empty());
}

#[tokio::test]
async fn a_refused_access_token_is_replaced_and_the_call_repeated_once() {
    let fixture = Fixture::with_tokens(|tokens| {
        tokens["issuedAt"] = (Timestamp::now() - SignedDuration::from_hours(1)).to_string().into();
    })
    .await;
    assert_eq!(
        200,
        Request::new(&message())
            .signed()
            .post(&fixture.stack, &fixture.integration, "inbound/messages")
            .await
            .status
            .as_u16()
    );
    fixture.platform.oauth().revoke_access_tokens();
    let answer = Request::new(&message()).signed().post(&fixture.stack, &fixture.integration, "inbound/messages").await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!((1, 2), (fixture.platform.oauth().issues().len(), fixture.platform.calls().len()));
    // A new token that is refused is not renewed: the reason is another one.
    fixture.platform.oauth().revoke_access_tokens();
    let answer = Request::new(&message()).signed().post(&fixture.stack, &fixture.integration, "inbound/messages").await;
    answer.assert_problem(502, "platform-credentials");
    assert_eq!(1, fixture.platform.oauth().issues().len());
}

#[tokio::test]
async fn no_token_is_used_before_it_is_stored() {
    let fixture = Fixture::with_tokens(expired).await;
    let aws = AwsProxy::start().await;
    aws.fail_operation("PutSecretValue");
    let function = LambdaHost::start("receipt-poster", &[("AWS_ENDPOINT_URL", &aws.url)]).await;
    assert_eq!(503, fixture.post_through(&function, "receipts", &receipt()).await.0);
    assert_eq!((0, 0), (fixture.platform.calls().len(), fixture.platform.tokens().refused()));
    aws.restore();
    assert_eq!(200, fixture.post_through(&function, "receipts", &receipt()).await.0);
}

#[tokio::test]
async fn a_call_with_a_valid_token_costs_no_call_to_aws_but_those_of_every_request() {
    let fixture = Fixture::start().await;
    let aws = AwsProxy::start().await;
    let function = LambdaHost::start("receipt-poster", &[("AWS_ENDPOINT_URL", &aws.url)]).await;
    assert_eq!(200, fixture.post_through(&function, "receipts", &receipt()).await.0);
    let first = aws.take_operations();
    assert_eq!(2, first.iter().filter(|operation| *operation == "GetSecretValue").count(), "{first:?}");
    assert_eq!(200, fixture.post_through(&function, "receipts", &receipt()).await.0);
    assert!(aws.take_operations().iter().all(|operation| operation == "UpdateItem"));
    assert!(fixture.platform.oauth().issues().is_empty());
}

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

#[tokio::test]
async fn a_message_has_the_tokens_renewed_of_an_integration_that_makes_no_calls() {
    let fixture = Fixture::with_tokens(expired).await;
    let before = fixture.integration.tokens().await;
    let body = Sample::wire("sms").fill(&fixture.integration.integration_id, "contact-17");
    fixture.keys.sign(&body).acknowledged(&fixture.stack, &fixture.integration).await;
    fixture.stored_when(|tokens| tokens["refreshToken"] != before["refreshToken"]).await;
    assert_eq!(vec![refreshes_with(&before["refreshToken"])], fixture.platform.oauth().issues());
    assert!(fixture.platform.calls().is_empty());
}

#[tokio::test]
async fn a_day_token_of_a_killed_process_is_renewed_by_another_within_the_platforms_grace() {
    // It is due and still valid, so that nothing makes the others wait.
    let fixture = Fixture::with_tokens(|tokens| {
        let now = Timestamp::now();
        tokens["issuedAt"] = (now - SignedDuration::from_hours(20)).to_string().into();
        tokens["expiresAt"] = (now + SignedDuration::from_hours(4)).to_string().into();
    })
    .await;
    fixture.platform.oauth().refuse_reconnect();
    let before = fixture.integration.tokens().await;
    let aws = AwsProxy::start().await;
    aws.hold("PutSecretValue");
    let killed = LambdaHost::start("receipt-poster", &[("AWS_ENDPOINT_URL", &aws.url)]).await;
    let successor = LambdaHost::start("receipt-poster", &[]).await;
    let body = receipt();
    tokio::select! {
        answer = fixture.post_through(&killed, "receipts", &body) => panic!("{answer:?}"),
        () = aws.wait_for("PutSecretValue") => {}
    }
    // While the lease lasts.
    assert_eq!(200, fixture.post_through(&successor, "receipts", &receipt()).await.0);
    drop(killed);
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while fixture.integration.tokens().await["refreshToken"] == before["refreshToken"] {
        assert!(Instant::now() < deadline, "the tokens were not renewed");
        assert_eq!(200, fixture.post_through(&successor, "receipts", &receipt()).await.0);
    }
    let refresh = refreshes_with(&before["refreshToken"]);
    assert_eq!(vec![refresh.clone(), refresh], fixture.platform.oauth().issues());
}

#[tokio::test]
async fn a_renewal_that_was_running_does_not_overwrite_the_tokens_of_an_operator() {
    let fixture = Fixture::with_tokens(expired).await;
    let aws = AwsProxy::start().await;
    aws.hold("PutSecretValue");
    let function = LambdaHost::start("receipt-poster", &[("AWS_ENDPOINT_URL", &aws.url)]).await;
    let body = receipt();
    let operator = async {
        aws.wait_for("PutSecretValue").await;
        let code = fixture.platform.oauth().authorize(&fixture.integration.integration_id, UserType::Location);
        let _ = fixture.authorize().with(&["--code", &code]).run().await.succeeded();
        let authorized = fixture.integration.tokens().await;
        aws.restore();
        authorized
    };
    let (answer, authorized) = tokio::join!(fixture.post_through(&function, "receipts", &body), operator);
    assert!(matches!(answer.0, 200 | 503), "{answer:?}");
    assert_eq!(200, fixture.post_through(&function, "receipts", &receipt()).await.0);
    assert_eq!(authorized, fixture.integration.tokens().await);
}

#[tokio::test]
async fn tokens_of_another_app_are_not_used_and_the_doctor_says_so() {
    let fixture = Fixture::with_tokens(|tokens| tokens["clientId"] = "another-app".into()).await;
    fixture.post_receipt().await.assert_problem(502, "platform-credentials");
    assert_eq!(("fault", "another app was authorized than that of /clientId"), verdict(&fixture.doctor().await));
    assert!(fixture.platform.calls().is_empty() && fixture.platform.oauth().issues().is_empty());
}

/// An integration whose app was not authorized yet.
async fn unauthorized() -> Fixture {
    let (stack, platform, keys) = (Stack::connect().await, HighLevel::start().await, Keys::generate());
    let integration =
        tests::simulators::highlevel::integration(&stack, &keys, NOWHERE, |document| use_app(document, &platform))
            .await;
    Fixture { stack, platform, keys, integration }
}

#[tokio::test]
async fn an_operator_authorizes_the_app_with_the_code_that_the_browser_brings() {
    let fixture = unauthorized().await;
    let location = fixture.integration.integration_id.as_str();
    fixture.post_receipt().await.assert_problem(502, "platform-credentials");
    assert_eq!(("fault", "the app was not authorized yet"), verdict(&fixture.doctor().await));

    let port = listen().local_addr().unwrap().port();
    let redirect_uri = format!("http://127.0.0.1:{port}/callback");
    let running = fixture.authorize().with(&["--redirect-uri", &redirect_uri]).run();
    let browser = async {
        let get = async |query: &str| {
            let deadline = Instant::now() + WAIT_TIMEOUT;
            loop {
                match fixture.stack.http.get(format!("{redirect_uri}?{query}")).send().await {
                    Ok(answer) => return answer.status().as_u16(),
                    Err(error) => assert!(Instant::now() < deadline, "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let code = fixture.platform.oauth().authorize(location, UserType::Location);
        assert_eq!(400, get(&format!("code={code}&state=of-another-run")).await);
        assert_eq!(200, get(&format!("code={code}")).await);
    };
    let (ran, ()) = tokio::join!(running, browser);
    let ran = ran.succeeded();
    assert!(ran.stderr.contains("https://marketplace.gohighlevel.com/v2/oauth/chooselocation?"), "{ran:?}");
    let tokens = fixture.integration.tokens().await;
    for token in [&tokens["accessToken"], &tokens["refreshToken"]] {
        assert!(!ran.contains(token.as_str().unwrap()), "{ran:?}");
    }
    assert!(!ran.contains(CLIENT_SECRET), "{ran:?}");
    assert_eq!("ok", verdict(&fixture.doctor().await).0);
    // A missing authorization is remembered for a short time.
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while fixture.post_receipt().await.status.as_u16() != 200 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let shown = Command::new(&["integration", "show", fixture.name(), "--json"]).run().await.succeeded();
    assert!(shown.json()["authorization"]["expiresAt"].is_string(), "{shown:?}");
    let listed = Command::new(&["integration", "list", "--json"]).run().await.succeeded().json();
    let names = listed.as_array().unwrap().iter().filter_map(|row| row["name"].as_str());
    assert_eq!(vec![fixture.name()], names.filter(|name| name.contains(fixture.name())).collect::<Vec<_>>());
    let _ = Command::new(&["integration", "remove", fixture.name(), "--yes"]).run().await.succeeded();
    let _ = Command::new(&["integration", "restore", fixture.name()]).run().await.succeeded();
    assert_eq!(tokens, fixture.integration.tokens().await);
}

fn verdict(check: &Value) -> (&str, &str) {
    (check["verdict"].as_str().unwrap(), check["seen"].as_str().unwrap())
}

#[tokio::test]
async fn an_authorization_of_another_location_or_an_agency_changes_nothing() {
    let fixture = unauthorized().await;
    let own = fixture.integration.integration_id.as_str();
    let oauth = fixture.platform.oauth();
    let pasted = |code: &str| format!("https://example.com/callback?code={code}");
    for (code, words) in [
        (oauth.authorize("another", UserType::Location), "was authorized for the location another"),
        (pasted(&oauth.authorize(own, UserType::Company)), "for an agency as a whole"),
        ("no-such-code".to_owned(), "HighLevel refuses the code"),
    ] {
        oauth.authorize(if words.contains("another") { "another" } else { own }, UserType::Location);
        let ran = fixture.authorize().with(&["--code", &code]).run().await.exited_with(1);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("nothing was changed"), "{ran:?}");
    }
    assert_eq!(("fault", "the app was not authorized yet"), verdict(&fixture.doctor().await));
    let code = oauth.authorize(own, UserType::Location);
    let redirect = ["--redirect-uri", "https://example.com/callback"];
    let pasted = pasted(&code);
    let ran = fixture.authorize().with(&redirect).run_in_terminal(&[("The code, or the address", &pasted)]).await;
    assert!(ran.succeeded().contains("refreshTokenEndsAt"));
    let unasked = fixture.authorize().with(&redirect).run().await.exited_with(2);
    assert!(unasked.stderr.contains("--code"), "{unasked:?}");
}
