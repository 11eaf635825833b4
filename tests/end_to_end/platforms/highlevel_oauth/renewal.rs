//! Tokens are renewed by one process, whatever happens to it.

use super::{Fixture, expired, message, receipt, refreshes_with, verdict};
use crate::observability::logs::log_with;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::Request;
use tests::harness::lambda_host::LambdaHost;
use tests::simulators::highlevel::Sample;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::messaging_service::WAIT_TIMEOUT;

#[tokio::test]
async fn tokens_of_a_few_seconds_are_renewed_once_each_by_one_of_several_processes_and_no_request_is_refused() {
    let platform = HighLevel::start().await;
    platform.oauth().set_lifetime(Duration::from_secs(15));
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
            // Other tests need the machine, too.
            tokio::time::sleep(Duration::from_millis(50)).await;
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
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while answer.0 == 503 && Instant::now() < deadline {
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
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while answer.status.as_u16() == 503 && Instant::now() < deadline {
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
