//! An operator authorizes the app, and the tokens are those of its client and location.

use super::{Fixture, NOWHERE, expired, receipt, verdict};
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::Command;
use tests::harness::lambda_host::LambdaHost;
use tests::harness::listener::listen;
use tests::harness::stack::Stack;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::api::oauth::{CLIENT_SECRET, UserType};
use tests::simulators::highlevel::{Keys, use_app};
use tests::simulators::messaging_service::WAIT_TIMEOUT;

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
    assert_eq!(("fault", "another app was authorized than the integration's"), verdict(&fixture.doctor().await));
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
