//! Traces and the log.

use super::{CUSTOMER, Fixture, receipt, written};
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use shared::model::trace_id::TraceId;
use tests::harness::caller::Request;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::{API_KEY, APP_SECRET, Fault, MulticloudCx};

const TRACE: &str = "05bb858a34684c82a8ce3b1a9c4e4b67";

#[tokio::test]
async fn the_trace_is_logged_and_goes_with_the_delivery_and_with_the_receipt() {
    let fixture = Fixture::answering(Reply::status(410)).await;
    fixture.send(&Fixture::webhook("sms").with_trace_id(TRACE)).await;
    let calls = fixture.platform.wait_for_calls(1).await;
    assert_eq!(Some(TRACE), calls[0].trace_id.as_deref());
    assert_eq!(Some(TRACE), fixture.service.attempts()[0].trace_id.as_deref());
    log_with(fixture.integration.name.as_str(), &[("accepted", TRACE)]).await;
    // The delivery has no trace, and the receipt one of its own.
    fixture.send(&Fixture::webhook("sms").with_trace_id("not a trace")).await;
    let calls = fixture.platform.wait_for_calls(2).await;
    assert_eq!(None, fixture.service.attempts()[1].trace_id);
    let new = calls[1].trace_id.as_deref().expect("a trace");
    assert!(new.parse::<TraceId>().is_ok() && new != TRACE, "{new}");
    log_with(fixture.integration.name.as_str(), &[("receipt_posted", new)]).await;
}

#[tokio::test]
async fn a_callers_trace_goes_with_a_customers_message_and_with_a_receipt_and_is_made_if_there_is_none() {
    let fixture = Fixture::start().await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let (text, receipt) = (|id| written(id, &json!({"text": "hello"})), receipt("m-9", "delivered"));
    for (route, body, header) in [
        ("inbound/messages", text("m-1"), Some(("x-b3-traceid", TRACE))),
        ("inbound/messages", text("m-2"), Some(("traceparent", parent.as_str()))),
        ("inbound/messages", text("m-3"), None),
        ("receipts", receipt, None),
    ] {
        let mut request = Request::new(&body).signed();
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        assert_eq!(200, request.post(&fixture.stack, &fixture.integration, route).await.status.as_u16());
    }
    let traces: Vec<_> =
        fixture.platform.calls().into_iter().map(|call| call.trace_id.expect("each call has a trace")).collect();
    assert_eq!([TRACE, TRACE], traces[..2]);
    assert!(traces[2] != traces[3] && traces.iter().all(|trace| trace.parse::<TraceId>().is_ok()), "{traces:?}");
    let expected: Vec<_> = traces.iter().map(|trace| ("answered", trace.as_str())).collect();
    log_with(fixture.integration.name.as_str(), &expected).await;
}

#[tokio::test]
async fn the_log_contains_neither_texts_nor_addresses_nor_secrets() {
    let keyed = |configuration: &mut Value| configuration["apiKey"] = API_KEY.into();
    let fixture = Fixture::configured(MulticloudCx::start_behind_gateway().await, Reply::status(410), keyed).await;
    fixture.send(&Fixture::webhook("email")).await;
    fixture.post(&Fixture::webhook("sms").signed_with("another-secret")).await;
    fixture.platform.wait_for_calls(1).await;
    fixture.platform.fail([Fault::Code(350)]);
    fixture.call("inbound/messages", &written("m-1", &json!({"text": "Customer message text"}))).await;
    let expected = [
        ("accepted", "Email"),
        ("invalid-signature", "-WebhookReceiver-"),
        ("receipt_posted", "message_dispatcher"),
        ("platform-refused", "inbound/messages"),
    ];
    let log = log_with(fixture.integration.name.as_str(), &expected).await;
    for hidden in [CUSTOMER, "message text", "Html email body", "reply-to@", APP_SECRET, API_KEY, "sha1="] {
        assert!(!log.contains(hidden), "{hidden}");
    }
}
