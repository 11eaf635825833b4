//! `patchbay doctor` names faults of this machine and of the deployed stack.

use crate::cli::doctor_fixture::Fixture;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Html;
use jiff::SignedDuration;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::Command;
use tests::harness::server::Server;
use uuid::Uuid;

#[tokio::test]
async fn a_queue_without_a_consumer_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.rewrite("GetEventSourceMapping", "\"Enabled\"", "\"Disabled\"");
    let command = || fixture.command().env("AWS_ENDPOINT_URL", &proxy.url);
    let report = fixture.run_doctor_with(command()).await;
    let triggers = ["conversation events' trigger", "direct lane's trigger", "retry lane's trigger"];
    assert_eq!(triggers.to_vec(), report.names("fault"), "{report}");
    for lane in &triggers[1..] {
        report.assert_check(lane, "nothing on this queue is processed", "update-event-source-mapping");
    }
    report.assert_check(
        "conversation events' trigger",
        "to ConversationEvents is Disabled",
        "update-event-source-mapping",
    );
    proxy.restore();
    // The stack of a template without the queue's event source.
    proxy.rewrite("ListStackResources", "MessageDispatcherMessages", "MessageDispatcherOthers");
    let report = fixture.run_doctor_with(command()).await;
    report.assert_only_fault("direct lane's trigger", "the stack has no MessageDispatcherMessages", "make deploy");
    // The stack of a version without the retry lane.
    proxy.restore();
    proxy.rewrite("DescribeStacks", "RetryQueueUrl", "OtherUrl");
    let report = fixture.run_doctor_with(command()).await;
    report.assert_only_fault("outputs", "missing: RetryQueueUrl", "make deploy");
    report.assert_skipped(&["retry lane"], "because the stack has no output RetryQueueUrl");
}

#[tokio::test]
async fn a_batch_with_failures_is_a_warning() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let result = "\"LastProcessingResult\": \"";
    proxy.rewrite("GetEventSourceMapping", result, &format!("{result}OK - 3 records, 1 partial failures "));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    let check = "retry lane's trigger";
    assert_eq!((0, "warning"), (report.ran.code, report.check(check)["verdict"].as_str().unwrap()), "{report}");
    report.assert_check(
        check,
        "some messages of the last batch are retried",
        "`patchbay messages list --status retrying`",
    );
}

#[tokio::test]
async fn an_event_source_that_sends_nothing_and_a_rule_that_is_off_are_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let command = || fixture.command().env("AWS_ENDPOINT_URL", &proxy.url);
    proxy.rewrite("DescribeEventSource", "\"ACTIVE\"", "\"PENDING\"");
    let report = fixture.run_doctor_with(command()).await;
    report.assert_only_fault("event source", &format!("{} is pending", fixture.stack.event_source), "make deploy");
    proxy.restore();
    proxy.rewrite("DescribeEventSource", "\"ACTIVE\"", "\"DELETED\"");
    let report = fixture.run_doctor_with(command()).await;
    report.assert_only_fault("event source", "is DELETED", "docs/connect-genesys-cloud.md");
    proxy.restore();
    proxy.rewrite("DescribeRule", "\"ENABLED\"", "\"DISABLED\"");
    let report = fixture.run_doctor_with(command()).await;
    report.assert_only_fault("conversation events' rule", "the rule is disabled", "`aws events enable-rule ");
}

#[tokio::test]
async fn a_function_that_lambda_cannot_run_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.rewrite("GetFunctionConfiguration", "\"Active\"", "\"Failed\"");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    assert_eq!(9, report.names("fault").len(), "{report}");
    report.assert_check("MessageDispatcher's state", "Lambda calls it Failed", "make deploy");
}

#[tokio::test]
async fn a_stopped_function_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.rewrite("GetFunctionConcurrency", "{}", r#"{"ReservedConcurrentExecutions": 0}"#);
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    assert_eq!(9, report.names("fault").len(), "{report}");
    report.assert_check("CardSender's state", "reserved concurrency is 0", "delete-function-concurrency");
}

#[tokio::test]
async fn deliveries_that_may_take_the_concurrency_of_a_new_account_are_a_warning() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let unreserved = "\"UnreservedConcurrentExecutions\": ";
    let with = |count: u32| format!("{unreserved}{count}, \"Emulated\": ");
    proxy.rewrite("GetAccountSettings", unreserved, &with(10));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    assert!(report.ran.code == 0 && report.names("warning").contains(&"concurrency"), "{report}");
    report.assert_check("concurrency", "130 of the 10 concurrent executions", "request-service-quota-increase");
    proxy.restore();
    proxy.rewrite("GetAccountSettings", unreserved, &with(1_000));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    assert_eq!("ok", report.check("concurrency")["verdict"], "{report}");
}

#[tokio::test]
async fn a_wrong_clock_is_named_with_its_offset() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.shift_clock(SignedDuration::from_mins(10));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    report.assert_only_fault("clock", " s behind AWS's", "set this machine's clock");
    report.assert_skipped(&["caller crm"], "because the clock is wrong");
    let api_url = proxy.api_url(&fixture.stack.api_url);
    proxy.shift_clock(SignedDuration::from_mins(-10));
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    report.assert_only_fault("clock", " s ahead of the API's", "timedatectl set-ntp true");
    proxy.shift_clock(SignedDuration::from_mins(1));
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    assert_eq!((0, "warning"), (report.ran.code, report.check("clock")["verdict"].as_str().unwrap()), "{report}");
}

#[tokio::test]
async fn only_a_server_error_that_a_second_request_meets_is_a_fault() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let api_url = proxy.api_url(&fixture.stack.api_url);
    proxy.fail_next("cards", 1);
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    assert_eq!((0, "ok"), (report.ran.code, report.check("POST …/cards")["verdict"].as_str().unwrap()), "{report}");
    proxy.fail_next("cards", 2);
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    report.assert_only_fault("POST …/cards", "unexpected response of CardSender: status 500", "patchbay logs");
}

#[tokio::test]
async fn a_missing_route_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let api_url = proxy.api_url(&fixture.stack.api_url);
    proxy.remove_route("/cards");
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    let seen = "API Gateway has no route POST /integrations/{integration}/cards";
    report.assert_only_fault("POST …/cards", seen, "make deploy");
    // Checks that depend on a missing route are skipped.
    proxy.restore();
    proxy.remove_route("/webhook");
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &api_url)).await;
    assert!(report.names("fault").contains(&"POST …/webhook"), "{report}");
    report.assert_skipped(&["webhook"], "because POST …/webhook does not work");
}

#[tokio::test]
async fn an_unreachable_api_is_named_once() {
    let fixture = Fixture::new().await;
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", "http://127.0.0.1:9")).await;
    report.assert_only_fault("API", "the API cannot be reached", "--api-url");
    report.assert_skipped(&["webhook", "caller crm", "caller flows"], "does not work");
}

#[tokio::test]
async fn a_url_of_another_server_is_named_once() {
    let fixture = Fixture::new().await;
    for status in [200, 302, 404] {
        let answer = move || async move { (StatusCode::from_u16(status).unwrap(), Html("<h1>Welcome</h1>")) };
        let page = Server::start(Router::new().fallback(answer));
        let report = fixture.run_doctor_with(fixture.command().env("API_URL", &page.origin)).await;
        report.assert_only_fault("API", "is not Patchbay's API", "--api-url");
        report.assert_skipped(&["webhook", "caller crm", "caller flows"], "does not work");
    }
}

#[tokio::test]
async fn a_wrong_region_is_named_with_the_right_one() {
    let fixture = Fixture::new().await;
    for command in
        [fixture.command().env("AWS_REGION", "us-west-2"), fixture.command().with(&["--region", "us-west-2"])]
    {
        let report = fixture.run_doctor_with(command).await;
        let seen = "no stack `patchbay` in us-west-2: it is in eu-central-1";
        report.assert_only_fault("stack", seen, "use --region eu-central-1");
        assert_eq!(4, report.json["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "all").count());
        report.assert_skipped(&["all"], "because the stack has not been found");
    }
    let name = format!("patchbay-{}", Uuid::new_v4());
    let report = fixture.run_doctor_with(fixture.command().with(&["--stack", &name])).await;
    report.assert_only_fault("stack", "nor in the other common regions", "--stack");
    // A region that denies the search may have it.
    let proxy = AwsProxy::start().await;
    proxy.deny_region("eu-west-1");
    proxy.deny_region("us-east-2");
    let command = fixture.command().with(&["--stack", &name]).env("AWS_ENDPOINT_URL", &proxy.url);
    let report = fixture.run_doctor_with(command).await;
    report.assert_only_fault(
        "stack",
        "of the 16 other common regions 2 did not answer: eu-west-1, us-east-2",
        "--region",
    );
}

#[tokio::test]
async fn a_missing_region_or_missing_credentials_are_named() {
    let fixture = Fixture::new().await;
    let nothing = [("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")];
    let command = nothing.iter().fold(fixture.command(), |command, (name, value)| command.env(name, value));
    let report = fixture.run_doctor_with(command).await;
    report.assert_only_fault("region", "no AWS region is set", "--region");
    report.assert_skipped(&["own permissions"], "because no call reached the point");
    let no_credentials = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let command = no_credentials.iter().fold(fixture.command(), |command, (name, value)| command.env(name, value));
    let report = fixture.run_doctor_with(command).await;
    report.assert_only_fault("credentials", "no AWS credentials", "--profile");
    report.assert_skipped(&["own permissions"], "because no call reached the point");
}

#[tokio::test]
async fn the_commands_of_remedies_act_where_the_doctor_looked() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let options = ["--stack", "patchbay", "--region", "eu-central-1"];
    let given = |command: Command| command.with(&options).env("PATCHBAY_STACK", "another");
    let command = || given(fixture.command()).env("AWS_ENDPOINT_URL", &proxy.url);
    let result = "\"LastProcessingResult\": \"";
    proxy.rewrite("GetEventSourceMapping", result, &format!("{result}OK - 3 records, 1 partial failures "));
    proxy.rewrite("GetFunctionConcurrency", "{}", r#"{"ReservedConcurrentExecutions": 0}"#);
    let report = fixture.run_doctor_with(command()).await;
    let list = "`patchbay --stack patchbay --region eu-central-1 messages list --status retrying`";
    report.assert_check("retry lane's trigger", "", list);
    let start = "`aws --region eu-central-1 lambda delete-function-concurrency ";
    report.assert_check("CardSender's state", "", start);
    let people = command().run().await.exited_with(3);
    assert!(people.stdout.contains(list) && people.stdout.contains(start), "{people:#?}");
    let unknown = given(Command::new(&["integration", "show", "no-such-integration"])).run().await.exited_with(1);
    let list = "`patchbay --stack patchbay --region eu-central-1 integration list`";
    assert!(unknown.stderr.contains(list), "{unknown:#?}");
}

#[tokio::test]
async fn the_logs_of_a_function_that_does_not_answer_are_a_command_of_this_program() {
    let fixture = Fixture::new().await;
    let broken = Server::start(Router::new().fallback(|uri: Uri| async move {
        match uri.path().ends_with("/cards") {
            true => StatusCode::INTERNAL_SERVER_ERROR,
            false => StatusCode::FORBIDDEN,
        }
    }));
    let report = fixture.run_doctor_with(fixture.command().env("API_URL", &broken.origin)).await;
    let advice = "`patchbay logs --function card-sender --since 10m`";
    report.assert_check("POST …/cards", "unexpected response of CardSender: status 500", advice);
}
