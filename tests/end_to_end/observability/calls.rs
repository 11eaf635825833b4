//! Log lines and metrics of platform calls: those that an operator must act on, and those that are transient.

use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use tests::harness::caller::Request;
use tests::harness::stack::Stack;
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::{Keys, integration};
use tests::simulators::messaging_service::MessagingService;

/// The outcomes of the calls for `integration`, once its log contains all of `expected`: those of failed calls, and that
/// of successful ones, which are counted on the line of the request.
async fn results(integration: &str, expected: &[(&str, &str)]) -> Vec<Value> {
    let log = log_with(integration, expected).await;
    let lines = log.lines().filter(|line| line.contains(integration)).map(|line| serde_json::from_str(line).unwrap());
    let calls = lines.filter(|line: &Value| line["PlatformCalls"] == 1.0);
    calls.map(|line| line["Outcome"].clone()).collect()
}

#[tokio::test]
async fn a_401_that_a_new_token_fixes_is_not_counted_as_refused_credentials() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([Fault::TokenRevoked]);
    let message = Request::new(&json!({"toAddress": "customer-1", "textBody": "hello"})).with_bearer_token();
    assert_eq!(200, message.post(&fixture.stack, &fixture.integration, "agentless").await.status.as_u16());
    let results = results(fixture.integration.name.as_str(), &[("answered", "agentless")]).await;
    assert_eq!(vec![json!("refused"), json!("succeeded")], results);
}

#[tokio::test]
async fn a_401_counts_as_refused_credentials_unless_the_message_is_new() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let platform = HighLevel::start().await;
    let configured = |configuration: &mut Value| configuration["apiBaseUrl"] = platform.url.clone().into();
    let integration = integration(&stack, &Keys::generate(), &service.url, configured).await;
    platform.refuse_early_statuses(1, 401);
    let name = integration.name.as_str();
    let answered = [("answered", "\"route\":\"receipts\"")];

    let mut receipt = json!({"messageId": "m-1", "to": {"id": "contact-17"}, "status": "delivered"});
    let answer = Request::new(&receipt).signed().post(&stack, &integration, "receipts").await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(vec![json!("refused"), json!("succeeded")], results(name, &answered).await);

    receipt["messageId"] = "m-2".into();
    receipt["time"] = "2026-01-02T03:04:05Z".into();
    let answer = Request::new(&receipt).signed().post(&stack, &integration, "receipts").await;
    assert_eq!(200, answer.status.as_u16(), "the time may be wrong: {:?}", answer.body);
    let results = results(name, &[("platform_called", "credentials-refused")]).await;
    assert_eq!([json!("refused"), json!("succeeded"), json!("credentials-refused")], results[..3]);
}

#[tokio::test]
async fn a_refused_upload_has_a_log_line_with_its_ids_and_its_result() {
    let fixture = WithPlatform::start().await;
    let WithPlatform { stack, platform, integration } = &fixture;
    let conversation = platform.open_conversation(&integration.integration_id, "customer-1");
    let (conversation_id, communication_id) = (&conversation.conversation_id, &conversation.communication_id);
    let route = format!("conversations/{conversation_id}/communications/{communication_id}/messages");
    let media = json!({"content": "iVBORw0KGgo=", "contentType": "image/png", "fileName": "cat.png"});
    let name = integration.name.as_str();
    platform.fail_uploads(Some(Fault::Status(403)));
    let answer = Request::new(&json!({ "media": media })).with_bearer_token().post(stack, integration, &route).await;
    assert_eq!(422, answer.status.as_u16(), "{:?}", answer.body);
    let log = log_with(name, &[("file_uploaded", "refused")]).await;
    let mut lines = log.lines().filter(|line| line.contains("file_uploaded") && line.contains(name));
    let line: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!((json!(answer.request_id), json!("refused")), (line["request_id"].clone(), line["result"].clone()));
    assert_eq!((json!("refused"), json!(1.0)), (line["Outcome"].clone(), line["PlatformCalls"].clone()));
    assert!(line["milliseconds"].is_u64() && line["status"].is_u64(), "{line}");
}

#[tokio::test]
async fn the_path_of_an_unknown_client_is_not_logged() {
    let fixture = WithPlatform::start().await;
    let number = "00491701234567";
    let route = format!("conversations/{number}/communications/c/messages");
    let message = Request::new(&json!({"textBody": "hello"}));
    message.post(&fixture.stack, &fixture.integration, &route).await.assert_problem(401, "unauthenticated");
    let name = fixture.integration.name.as_str();
    let log = log_with(name, &[("unauthenticated", "agent/messages")]).await;
    assert!(!log.contains(number));
    message.with_bearer_token().post(&fixture.stack, &fixture.integration, &route).await;
    log_with(name, &[("conversation-not-found", number)]).await;
}
