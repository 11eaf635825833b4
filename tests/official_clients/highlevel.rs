//! HighLevel's client.

use crate::client::Client;
use serde_json::json;
use tests::simulators::highlevel::api::{HighLevel, TOKEN};

#[tokio::test]
async fn the_client_makes_every_call_and_has_a_place_for_every_member_of_the_answers() {
    let platform = HighLevel::start().await;
    let mut client = Client::in_node("highlevel.mjs", &[&platform.url, TOKEN]);
    let inbound = json!({
        "type": "SMS", "conversationId": "c", "contactId": "k", "conversationProviderId": "p", "message": "hello",
        "altId": "m-1", "direction": "inbound", "date": "2026-01-02T03:04:05.678Z",
    });
    for (method, arguments) in [
        ("addAnInboundMessage", json!([inbound])),
        ("updateMessageStatus", json!([{"messageId": "m-1"}, {"status": "delivered"}])),
    ] {
        let call = json!({
            "service": "conversations", "version": "2021-04-15", "method": method, "arguments": arguments,
        });
        client.call(&call).await;
    }
}
