//! Webhooks that deviate from the platform's format are delivered as far as possible.

use crate::fixtures::{WithPlatform, WithService};
use serde_json::{Value, json};
use tests::simulators::genesys_cloud::{self, Sample, WIRE, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};
use uuid::Uuid;

const CUSTOMER: &str = "customer-17";

impl WithService {
    /// Posts a changed sample and returns its delivery.
    async fn delivered(&self, sample: &str, change: impl FnOnce(&mut Value)) -> (Value, Attempt) {
        let sample: &Sample = WIRE.iter().find(|it| it.name == sample).unwrap();
        let mut json = sample.fill(&self.integration.integration_id, CUSTOMER).json();
        let id = json["id"].as_str().unwrap().to_owned();
        change(&mut json);
        Webhook::new(json.to_string()).accepted(&self.stack, &self.integration).await;
        let attempt = self.service.wait_for(&id).await;
        assert_eq!(json, attempt.body["data"]["original"], "the original has the webhook's content");
        (json, attempt)
    }

    async fn structured(&self, content: Value) -> Attempt {
        let change = |webhook: &mut Value| {
            webhook["type"] = "Structured".into();
            webhook["text"] = "".into();
            webhook["content"] = content;
        };
        self.delivered("text", change).await.1
    }
}

#[tokio::test]
async fn a_file_is_delivered_whatever_the_type_of_its_size() {
    let fixture = WithService::start().await;
    for size in [json!("10240"), json!(10240.0), json!({"bytes": 10240}), json!(null)] {
        let (webhook, attempt) = fixture
            .delivered("media", |webhook| webhook["content"][0]["attachment"]["contentSizeBytes"] = size.clone())
            .await;
        let data = &attempt.body["data"];
        assert_eq!(webhook["content"], data["content"], "the odd field is unchanged");
        assert_eq!(
            json!([{"mediaType": "Image", "url": "https://example.com/media/map.png", "mime": "image/png", "filename": "map.png"}]),
            data["attachments"]
        );
    }
    let (_, attempt) = fixture
        .delivered("media", |webhook| {
            let mut content = webhook["content"][0].take();
            content.as_object_mut().unwrap().remove("contentType");
            webhook["content"] = content;
        })
        .await;
    assert_eq!("map.png", attempt.body["data"]["attachments"][0]["filename"], "neither a list nor a type");
    assert_eq!("Attachment", attempt.body["data"]["content"][0]["contentType"]);
}

#[tokio::test]
async fn a_templates_text_arrives_in_the_documented_form_whatever_its_parameters_are_named() {
    let fixture = WithService::start().await;
    let parameters = json!([{"name": 1, "text": "Bob"}]);
    for template in [
        json!({"header": {"text": "H"}, "text": "Hi Bob", "parameters": parameters}),
        json!({"header": {"text": "H"}, "body": {"text": "Hi Bob", "parameters": parameters}}),
        json!({"header": {"text": "H"}, "body": {"text": ""}, "text": "Hi Bob", "parameters": parameters}),
    ] {
        let attempt = fixture.structured(json!([{"contentType": "Notification", "template": template}])).await;
        assert_eq!(("message.structured", "Hi Bob"), (attempt.body["type"].as_str().unwrap(), attempt.text()));
        let documented = json!({"header": {"text": "H"}, "body": {"text": "Hi Bob", "parameters": parameters}});
        assert_eq!(documented, attempt.body["data"]["content"][0]["template"]);
    }
}

#[tokio::test]
async fn text_among_the_parts_is_the_messages_text_where_it_has_none() {
    let fixture = WithService::start().await;
    let text = |body: &str| json!({"contentType": "Text", "text": {"type": "Text", "body": body}});
    let reply = json!({"contentType": "QuickReply", "quickReply": {"text": "Yes", "payload": "y"}});
    let attempt = fixture.structured(json!([text("Please choose"), reply, text("by noon")])).await;
    assert_eq!("Please choose\nby noon", attempt.text());
    assert_eq!(json!([text("Please choose"), reply, text("by noon")]), attempt.body["data"]["content"]);
}

#[tokio::test]
async fn receipts_and_events_are_delivered_with_their_readable_fields() {
    let fixture = WithService::start().await;
    let reasons = json!([{"code": 350, "message": "not allowed"}, null]);
    let (_, receipt) = fixture.delivered("receipt-failed", |webhook| webhook["reasons"] = reasons).await;
    assert_eq!(json!([{"code": "350", "message": "not allowed"}]), receipt.body["data"]["reasons"]);
    let (_, event) = fixture.delivered("typing", |webhook| webhook["events"] = json!([null])).await;
    assert_eq!(
        ("message.other", "Event"),
        (event.body["type"].as_str().unwrap(), event.body["data"]["platformType"].as_str().unwrap())
    );
    let (_, typing) =
        fixture.delivered("typing", |webhook| webhook["events"][0]["typing"]["duration"] = "600000".into()).await;
    assert_eq!(600_000, typing.body["data"]["durationMilliseconds"]);
}

#[tokio::test]
async fn sender_and_recipient_are_delivered_with_names_and_ids() {
    let fixture = WithService::start().await;
    let ids = json!([{"type": "PhoneNumber", "value": "+15550100"}]);
    let (_, attempt) = fixture
        .delivered("text", |webhook| {
            let from = webhook["channel"]["from"].as_object_mut().unwrap();
            let nickname = from.remove("nickname").unwrap();
            from.insert("nickName".to_owned(), nickname);
            let to = &mut webhook["channel"]["to"];
            (to["externalContactId"], to["additionalIds"], to["email"]) = ("0d1d".into(), ids.clone(), 5.into());
        })
        .await;
    let data = &attempt.body["data"];
    assert_eq!("Acme Support", data["from"]["nickname"]);
    let to = json!({"id": CUSTOMER, "idType": "Opaque", "externalContactId": "0d1d", "additionalIds": ids});
    assert_eq!(to, data["to"]);
}

#[tokio::test]
async fn a_public_reply_is_marked_as_public_and_names_the_original_post() {
    let fixture = WithService::start().await;
    let (_, attempt) = fixture
        .delivered("text", |webhook| {
            webhook["channel"]["type"] = "Public".into();
            webhook["channel"]["publicMetadata"] =
                json!({"rootId": "at://did/app.bsky.feed.post/1", "replyToId": "at://did/app.bsky.feed.post/2"});
        })
        .await;
    let data = &attempt.body["data"];
    assert_eq!(
        (json!(true), json!("at://did/app.bsky.feed.post/2"), json!("at://did/app.bsky.feed.post/1")),
        (data["public"].clone(), data["replyToId"].clone(), data["rootId"].clone())
    );
    let (_, private) = fixture.delivered("text", |_| {}).await;
    assert!(private.body["data"].get("public").is_none() && private.body["data"].get("metadata").is_none());
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped_once_the_signature_is_checked_over_it() {
    let fixture = WithService::start().await;
    let plain = genesys_cloud::text(&fixture.integration, CUSTOMER, "Hi");
    let with_mark = [b"\xef\xbb\xbf".as_slice(), &plain.body].concat();
    let signed_without = Webhook { signature: plain.signature.clone(), ..Webhook::new(with_mark.clone()) };
    signed_without.post(&fixture.stack, &fixture.integration).await.assert_problem(401, "invalid-signature");
    let answer = Webhook::new(with_mark).post(&fixture.stack, &fixture.integration).await;
    assert_eq!((200, json!({ "messageId": plain.id() })), (answer.status.as_u16(), answer.body));
    let attempt = fixture.service.wait_for(&plain.id()).await;
    assert_eq!("Hi", attempt.text());
    let raw = String::from_utf8(attempt.raw.to_vec()).unwrap();
    assert!(raw.ends_with(&format!("\"original\":{}}}}}", String::from_utf8(plain.body).unwrap())), "{raw}");
}

#[tokio::test]
async fn members_that_parsers_read_differently_are_the_same_in_the_normalised_part_and_in_the_original() {
    let fixture = WithService::start().await;
    let (id, integration_id) = (Uuid::new_v4().to_string(), &fixture.integration.integration_id);
    let body = format!(
        r#"{{"type":"Text","id":"{id}","text":"t","metadata":{{"k":"first","k":"cut off \ud83d","n":1e400}},
            "channel":{{"id":"{integration_id}","type":"Private","type":"Public","publicMetadata":{{"replyToId":"1","replyToId":"2"}},
            "to":{{"id":"c","externalContactId":"first","externalContactId":"\ude00"}}}}}}"#
    );
    let answer = Webhook::new(body).post(&fixture.stack, &fixture.integration).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let attempt = fixture.service.wait_for(&id).await;
    let data = &attempt.body["data"];
    assert_eq!(data["original"]["metadata"], data["metadata"]);
    assert_eq!("cut off \u{fffd}", data["metadata"]["k"]);
    assert_eq!((json!(true), json!("2")), (data["public"].clone(), data["replyToId"].clone()));
    assert_eq!("\u{fffd}", data["to"]["externalContactId"]);
    assert_eq!("\u{fffd}", data["original"]["channel"]["to"]["externalContactId"]);
}

#[tokio::test]
async fn a_message_without_an_id_or_a_type_arrives_and_the_platform_gets_no_receipt_for_it() {
    let service = MessagingService::with_handler(|_, _| Reply::status(400)).await;
    let WithPlatform { stack, integration, platform } = WithPlatform::delivering_to(&service.url, |_| {}).await;
    let mut json = genesys_cloud::text(&integration, CUSTOMER, "Hi").json();
    (json["id"], json["channel"]["messageId"], json["type"]) = (json!({"odd": 1}), json!(null), json!(7));
    json["channel"]["id"] = " ".into();
    let answer = Webhook::new(json.to_string()).post(&stack, &integration).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let id = answer.body["messageId"].as_str().unwrap();
    assert_eq!(64, id.len(), "a digest of its bytes");
    let attempts = service.wait_until(|attempts| attempts.iter().any(|attempt| attempt.message_id() == id)).await;
    let attempt = attempts.iter().find(|attempt| attempt.message_id() == id).unwrap();
    assert_eq!(("message.text", "Hi"), (attempt.body["type"].as_str().unwrap(), attempt.text()));

    let next = genesys_cloud::text(&integration, CUSTOMER, "refused as well");
    next.accepted(&stack, &integration).await;
    let calls = platform.wait_for_calls(1).await;
    assert_eq!(vec![json!(next.id())], calls.iter().map(|call| call.body["id"].clone()).collect::<Vec<_>>());
}
