//! From the company's systems to the platform.

use crate::{CUSTOMER, INTEGRATION_ID, REFUSED_CUSTOMER, text};
use serde_json::json;
use tests::harness::caller::Request;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::{Call, GenesysCloud};
use tests::simulators::genesys_cloud::{ApiResponse, WIRE};

/// Sends an agentless message and a receipt, and makes a message fail. Prints what the platform received, and returns
/// whether everything succeeded.
pub(crate) async fn show(stack: &Stack, integration: &TestIntegration, platform: &GenesysCloud) -> bool {
    let post = async |route: &str, request: Request| request.post(stack, integration, route).await;
    let message = json!({"toAddress": CUSTOMER, "textBody": "Your table is ready."});
    let message = Request::new(&message).with_bearer_token().key("table-7");
    let receipt = json!({"messageId": "d7d58935af65a45e5234ac77de017a0a", "to": {"id": CUSTOMER}, "status": "read"});

    println!("In the other direction:\n\n  {:<42} {:<9} {:<22} the platform received", "sent", "response", "");
    println!("  {}", "─".repeat(110));
    let last = |operation| platform.calls_of(operation).pop();
    let first = post("agentless", message.clone()).await;
    let mut good = row("agentless message", &first, first.status == 200, last("agentless"));
    let again = post("agentless", message.clone()).await;
    let once = again.replayed && platform.calls_of("agentless").len() == 1;
    good &= row("the same request with the same key", &again, once, None);
    let posted = post("receipts", Request::new(&receipt).signed()).await;
    // Receipts of earlier messages may come at any time.
    let own = |call: &Call| text(&call.body, "/id") == text(&receipt, "/messageId");
    let got = platform.calls_of("receipt").into_iter().find(own);
    good &= row("receipt of the messaging service: read", &posted, posted.status == 200 && got.is_some(), got);
    let unauthenticated = post("agentless", Request::new(&json!({}))).await;
    good &= row("agentless message without credentials", &unauthenticated, unauthenticated.status == 401, None);

    let webhook = WIRE[0].fill(INTEGRATION_ID, REFUSED_CUSTOMER);
    let refused = webhook.post(stack, integration).await;
    let failed = platform.wait_for_call(|call| text(&call.body, "/status") == "Failed").await;
    good &= row("message that the messaging service refuses", &refused, refused.status == 200, Some(failed));
    println!();
    good
}

fn row(what: &str, answer: &ApiResponse, as_expected: bool, got: Option<Call>) -> bool {
    let note = match (answer.replayed, answer.status.is_success()) {
        (true, _) => "replayed",
        (false, true) => text(&answer.body, "/outcome"),
        (false, false) => text(&answer.body, "/title"),
    };
    let got = got.map(|call| match call.operation {
        "receipt" => {
            format!("{} receipt {}", text(&call.body, "/status"), text(&call.body, "/reasons/0/message"))
        }
        operation => format!("{operation} {}", text(&call.body, "/textBody")),
    });
    let mark = if as_expected { "✓" } else { "✗" };
    println!("{mark} {what:<42} {:<9} {note:<22} {}", answer.status.as_u16(), got.unwrap_or_else(|| "—".to_owned()));
    as_expected
}
