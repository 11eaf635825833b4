//! Serialization and retries.

use super::Client;
use super::{inbound_json, receipts_json};
use crate::http_client::{HttpClient, TrustedRoots};
use crate::json::fields;
use crate::model::inbound::InboundMessage;
use crate::model::message::IdType;
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus, FailureReason, ReasonCode, Recipient};
use crate::platform::ApiError;
use crate::platform::multicloud_cx::tests::{config, configuration, configured};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

fn receipt(status: DeliveryStatus, reasons: &[(ReasonCode, &str)]) -> DeliveryReceipt {
    let reason =
        |(code, message): &(ReasonCode, &str)| FailureReason { code: code.clone(), message: (*message).to_owned() };
    DeliveryReceipt {
        message_id: "m-1".to_owned(),
        from: None,
        to: Recipient { id: "16504661149".to_owned(), id_type: Some(IdType::Phone) },
        status,
        reasons: reasons.iter().map(reason).collect(),
        time: Timestamp::UNIX_EPOCH,
        is_final: true,
        email_message_id: None,
        trace_id: None,
    }
}

#[test]
fn receipts_are_serialized_exactly() {
    let failed = receipt(
        DeliveryStatus::Failed,
        &[(ReasonCode::MessageNotAllowed, "Suspended."), (ReasonCode::RecipientOptedOut, "Stop.")],
    );
    let sender = Some(Recipient { id: "no-reply@company.com".to_owned(), id_type: None });
    let delivered = DeliveryReceipt { from: sender, ..receipt(DeliveryStatus::Delivered, &[]) };
    assert_eq!(
        concat!(
            r#"{"messages":[{"channel":{"from":{"id":"0123456789"},"to":{"id":"16504661149"},"messageId":"m-1"},"#,
            r#""type":"Receipt","status":"Failed","reasons":[{"code":350,"message":"Suspended."},"#,
            r#"{"code":500,"message":"Stop."}]},{"channel":{"from":{"id":"no-reply@company.com"},"to":{"id":"16504661149"},"#,
            r#""messageId":"m-1"},"type":"Receipt","status":"Delivered"}]}"#,
        ),
        receipts_json(&config(), &[&failed, &delivered])
    );
}

fn customers_message(change: Value) -> InboundMessage {
    let mut body = json!({"messageId": "m-1", "from": {"id": "16504661149"}, "time": "2026-01-02T03:04:05Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    fields::read(body, InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The message, whose files are uploaded.
fn written(change: Value) -> Result<String, ApiError> {
    let mut message = customers_message(change);
    for file in &mut message.attachments {
        file.uploaded = "genesys://nexus/f".parse().ok();
    }
    inbound_json(&config(), &message)
}

/// The message, whose files are not uploaded: in a channel without uploads, or because they were refused.
fn written_without_upload(upload_files: bool, change: Value) -> Value {
    let mut configuration = configuration();
    configuration["uploadFiles"] = upload_files.into();
    let json = inbound_json(&configured(configuration).unwrap(), &customers_message(change)).unwrap();
    let mut message = serde_json::from_str::<Value>(&json).unwrap()["messages"][0].take();
    message.as_object_mut().unwrap().remove("channel");
    message
}

#[test]
fn customers_messages_are_serialized_exactly() {
    let channel = |channel_type: &str| {
        format!(
            r#"{{"messages":[{{"channel":{{"type":"{channel_type}","from":{{"id":"16504661149"}},"to":{{"id":"0123456789"}},"messageId":"m-1"}},"#
        )
    };
    let file = json!({"url": "https://example.com/a%20b.png?x=1&y=%C3%A4", "mime": "image/png", "filename": "a.png"});
    let media = r#"{"type":"media","url":"genesys://nexus/f","mimetype":"image/png","filename":"a.png"}"#;
    for (change, channel_type, rest) in [
        (json!({"text": "Héllo"}), "sms", r#""type":"Text","text":"Héllo"}]}"#.to_owned()),
        (json!({"text": "Hello", "channel": "SMS"}), "sms", r#""type":"Text","text":"Hello"}]}"#.to_owned()),
        (
            json!({"text": "plain", "channel": "Email"}),
            "email",
            r#""type":"Email","content":[{"type":"text","text":"plain"}]}]}"#.to_owned(),
        ),
        (
            json!({"attachment": file, "channel": "Email"}),
            "email",
            format!(r#""type":"Email","content":[{media}]}}]}}"#),
        ),
        (
            json!({"text": "plain", "email": {"subject": "S", "html": "<p>rich</p>"}}),
            "email",
            r#""type":"Email","subject":"S","content":[{"type":"text","text":"plain"},{"type":"html","text":"<p>rich</p>"}]}]}"#.to_owned(),
        ),
        (
            json!({"email": {"html": "<p>rich</p>"}, "attachment": file}),
            "email",
            format!(r#""type":"Email","content":[{{"type":"html","text":"<p>rich</p>"}},{media}]}}]}}"#),
        ),
        (
            json!({"text": "see", "attachment": file}),
            "sms",
            format!(r#""type":"RichMedia","text":"see","content":[{media}]}}]}}"#),
        ),
        (
            json!({"email": {"html": "<p>rich</p>"}, "attachments": [file, file]}),
            "email",
            format!(r#""type":"Email","content":[{{"type":"html","text":"<p>rich</p>"}},{media},{media}]}}]}}"#),
        ),
        (json!({"attachment": file}), "sms", format!(r#""type":"RichMedia","content":[{media}]}}]}}"#)),
    ] {
        assert_eq!(Ok(channel(channel_type) + &rest), written(change));
    }
}

#[test]
fn a_file_has_its_own_url_in_a_channel_without_uploads() {
    let file = json!({"url": "https://e.com/a.png?x=1&y=%C3%A4", "mime": "image/png"});
    let media = json!({"type": "media", "url": "https://e.com/a.png?x=1&y=%C3%A4", "mimetype": "image/png"});
    assert_eq!(
        json!({"type": "RichMedia", "text": "see", "content": [media]}),
        written_without_upload(false, json!({"text": "see", "attachment": file}))
    );
    assert_eq!(
        json!({"type": "Email", "content": [media, media]}),
        written_without_upload(false, json!({"channel": "Email", "attachments": [file, file]}))
    );
}

#[test]
fn a_file_that_the_platform_refused_is_named_in_the_text_and_in_the_html() {
    let file = json!({"url": "https://e.com/a.png?x=1&y=2", "mime": "image/png"});
    let url = "https://e.com/a.png?x=1&y=2";
    for (change, expected) in [
        (json!({"attachment": file}), json!({"type": "Text", "text": url})),
        (json!({"text": "see", "attachment": file}), json!({"type": "Text", "text": format!("see\n{url}")})),
        (
            json!({"channel": "Email", "attachment": file}),
            json!({"type": "Email", "content": [{"type": "text", "text": url}]}),
        ),
        (
            json!({"email": {"html": "<b>hi</b>"}, "attachment": file}),
            json!({"type": "Email", "content": [
                {"type": "html", "text": "<b>hi</b><p>https://e.com/a.png?x=1&amp;y=2</p>"},
            ]}),
        ),
        (
            json!({"text": "hi", "email": {"subject": "S", "html": "<b>hi</b>"}, "attachments": [file, file]}),
            json!({"type": "Email", "subject": "S", "content": [
                {"type": "text", "text": format!("hi\n{url}\n{url}")},
                {"type": "html", "text": "<b>hi</b><p>https://e.com/a.png?x=1&amp;y=2</p>".to_owned()
                    + "<p>https://e.com/a.png?x=1&amp;y=2</p>"},
            ]}),
        ),
    ] {
        assert_eq!(expected, written_without_upload(true, change));
    }
}

#[test]
fn the_caption_of_a_file_is_text() {
    let file = json!({"url": "https://e.com/a.png", "mime": "image/png", "text": "1 < 2"});
    let media = json!({"type": "media", "url": "https://e.com/a.png", "mimetype": "image/png"});
    for (change, expected) in [
        (json!({"attachment": file}), json!({"type": "RichMedia", "text": "1 < 2", "content": [media]})),
        (
            json!({"text": "see", "attachment": file}),
            json!({"type": "RichMedia", "text": "see\n1 < 2", "content": [media]}),
        ),
        (
            json!({"email": {"html": "<b>hi</b>"}, "attachment": file}),
            json!({"type": "Email", "content": [{"type": "html", "text": "<b>hi</b><p>1 &lt; 2</p>"}, media]}),
        ),
    ] {
        assert_eq!(expected, written_without_upload(false, change));
    }
    let refused = written_without_upload(true, json!({"text": "see", "attachment": file}));
    assert_eq!(json!({"type": "Text", "text": "see\n1 < 2\nhttps://e.com/a.png"}), refused);
}

#[test]
fn a_channel_that_contradicts_the_message_is_rejected() {
    let mail = json!({"html": "<p>rich</p>"});
    for (channel, email) in [("SMS", mail.clone()), ("Custom", mail.clone())] {
        let Err(ApiError::InvalidRequest(error)) = written(json!({"channel": channel, "email": email})) else {
            panic!()
        };
        assert_eq!("/channel", error.pointer);
    }
    assert!(written(json!({"channel": "Email", "email": mail})).is_ok());
}

/// The URL of a platform that responds 503 to the first call and 200 to the others.
async fn failing_once() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for status in std::iter::once("503 Service Unavailable").chain(std::iter::repeat("200 OK")) {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // All bodies end with this.
            while !request.ends_with(b"}]}") {
                connection.read_buf(&mut request).await.unwrap();
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_receipt_with_unknown_outcome_is_retried_and_a_customers_message_is_not() {
    let client = Client::new(HttpClient::new(&TrustedRoots::CompiledIn).unwrap());
    let failing_once = async || {
        let mut configuration = configuration();
        configuration["apiBaseUrl"] = failing_once().await.into();
        configured(configuration).unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let receipt = receipt(DeliveryStatus::Delivered, &[]);
    assert_eq!(Ok(()), client.post_receipt(&failing_once().await, &receipt, deadline).await);
    let message = customers_message(json!({"text": "hello"}));
    let posted = client.post_inbound_message(&failing_once().await, &message, deadline).await;
    assert!(matches!(posted, Err(ApiError::OutcomeUnknown { .. })), "{:?}", posted.err());
}
