//! Tolerated variations on the inbound endpoints: absent fields as null or blank, words in any case, numbers instead of
//! texts, and no time. None of them loses a customer's message.

use crate::fixtures::WithPlatform;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::json::fields;
use shared::ledger::{self, Acquire, Lease, LeaseRequest, Occurrence, OnExpiredLease};
use shared::model::inbound::{InboundMessage, InboundResponse};
use std::collections::BTreeSet;
use std::time::Duration;
use tests::harness::caller::Request;
use tests::simulators::genesys_cloud::ApiResponse;
use tests::simulators::genesys_cloud::api::Fault;

/// A call without a fault.
pub(super) const NO_FAULT: Fault = Fault::Slow(Duration::ZERO);
/// One more than the maximum number of attempts of a request.
pub(super) const ATTEMPTS: usize = 6;

impl WithPlatform {
    pub(super) async fn inbound(&self, what: &str, body: &Value) -> ApiResponse {
        Request::new(body).signed().post(&self.stack, &self.integration, &format!("inbound/{what}")).await
    }

    /// Posts a body that must be accepted.
    pub(super) async fn posted(&self, what: &str, body: &Value) -> ApiResponse {
        let answer = self.inbound(what, body).await;
        assert_eq!(200, answer.status.as_u16(), "{body} {:?}", answer.body);
        answer
    }

    /// Acquires the lease of a caller's message, as another process would.
    pub(super) async fn acquire(
        &self,
        kind: &str,
        message_id: &str,
        until: Timestamp,
        first: Option<(Timestamp, &Value)>,
    ) -> Lease {
        let key = ledger::key::inbound(&self.integration.name, "crm", kind, message_id);
        let content = first.map(|(_, body)| content(kind, body));
        let fingerprint = content.as_deref();
        let request = LeaseRequest {
            key: &key,
            now: Timestamp::now(),
            until,
            fingerprint,
            on_expired_lease: OnExpiredLease::Reclaim,
        };
        let ledger = self.stack.ledger();
        let result = match (first, fingerprint) {
            (Some((time, _)), Some(content)) => {
                ledger.acquire_at(request, Occurrence { time, content: Some(content) }).await
            }
            _ => ledger.acquire(request).await,
        };
        let Ok(Acquire::Acquired(lease)) = result else { panic!("{result:?}") };
        lease
    }

    /// The messages on the platform: the id, the time, the text and the file's URL of each.
    pub(super) fn messages(&self) -> Vec<[Value; 4]> {
        let parts = |call: &Value| {
            let of = |pointer: &str| call.pointer(pointer).cloned().unwrap_or_default();
            [of("/channel/messageId"), of("/channel/time"), of("/text"), of("/content/0/attachment/url")]
        };
        self.platform.calls_of("inbound-message").iter().map(|call| parts(&call.body)).collect()
    }
}

/// The fingerprint of the content that the platform may have under the caller's id.
fn content(kind: &str, body: &Value) -> String {
    let fingerprint = match kind {
        "response" => fields::read(body.clone(), InboundResponse::read).unwrap().fingerprint(),
        _ => fields::read(body.clone(), InboundMessage::read).unwrap().parts()[0].fingerprint(),
    };
    fingerprint.as_str().to_owned()
}

pub(super) fn message(change: &Value) -> Value {
    let mut body = json!({"messageId": "m-1", "from": {"id": "customer-1"}, "time": "2026-01-02T03:04:05.678Z"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

pub(super) fn file(name: &str) -> Value {
    json!({"url": format!("https://example.com/{name}.jpg"), "mime": "image/jpeg"})
}

fn attachment(name: &str) -> Value {
    json!({"attachment": {"mediaType": "Image", "url": format!("https://example.com/{name}.jpg"), "mime": "image/jpeg"}})
}

#[tokio::test]
async fn members_that_are_null_or_blank_are_absent_and_words_may_be_in_any_case() {
    let plain = json!({"text": "hello"});
    let with_file = json!({"content": [attachment("v")]});
    let nulls = json!({
        "messageId": "m-1", "time": "2026-01-02T03:04:05.678Z", "text": "hello", "attachment": null, "attachments": null,
        "email": null, "conversationId": "", "channel": " ", "customAttributes": null, "metadata": {"a": null},
        "prefetchConversationId": null, "of a later version": null, "and another": "",
        "from": {
            "id": "customer-1", "idType": null, "nickname": "", "firstName": " ", "lastName": "\t", "email": null, "image": "",
            "of a later version": null,
        },
    });
    let mut odd_file = file("v");
    for (name, value) in
        [("mediaType", json!("image")), ("id", json!("")), ("text", json!(null)), ("sha256", json!(" "))]
    {
        odd_file[name] = value;
    }
    for (body, expected) in [
        (message(&json!({"text": "hello", "attachment": null})), &plain),
        (
            message(
                &json!({"text": "hello", "from": {"id": "customer-1", "nickname": "", "firstName": "", "lastName": ""}}),
            ),
            &plain,
        ),
        (message(&json!({"text": "hello", "from": {"id": "customer-1", "idType": "OPAQUE"}})), &plain),
        (nulls, &plain),
        (message(&json!({"text": "", "attachment": file("v")})), &with_file),
        (message(&json!({"text": null, "attachment": odd_file})), &with_file),
        (message(&json!({"text": " ", "attachment": null, "attachments": [null, file("v")]})), &with_file),
    ] {
        let fixture = WithPlatform::start().await;
        fixture.posted("messages", &body).await;
        let mut expected = expected.clone();
        expected["channel"] = json!({
            "from": {"id": "customer-1", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z", "messageId": "m-1",
        });
        assert_eq!(expected, fixture.platform.calls()[0].body, "{body}");
    }
}

#[tokio::test]
async fn choices_and_typing_are_parsed_as_leniently() {
    let fixture = WithPlatform::start().await;
    fixture.platform.know_message("card-1");
    let body = json!({
        "messageId": "m-2", "from": {"id": "customer-1", "firstName": ""}, "time": null, "originatingMessageId": "card-1",
        "id": "", "type": "BUTTON", "text": "", "payload": {"action": null}, "customAttributes": {"vip": true},
    });
    fixture.posted("responses", &body).await;
    let call = &fixture.platform.calls_of("structured-response")[0].body;
    let choice = json!({"type": "Button", "text": r#"{"action":null}"#, "payload": r#"{"action":null}"#});
    assert_eq!(choice, call["buttonResponse"]);
    assert_eq!(json!({"vip": "true"}), call["channel"]["metadata"]["customAttributes"]);
    fixture.posted("events", &json!({"eventType": "TYPING", "from": {"id": "c", "nickname": null}, "time": ""})).await;
}

#[tokio::test]
async fn numbers_and_booleans_in_attributes_become_their_text() {
    let fixture = WithPlatform::start().await;
    let attributes =
        json!({"orders": 3, "balance": -1.5, "whole": 7.0, "vip": false, "name": "Ada", "note": "", "none": null});
    let body = message(&json!({"text": "t", "customAttributes": attributes, "metadata": attributes}));
    fixture.posted("messages", &body).await;
    let texts = json!({"orders": "3", "balance": "-1.5", "whole": "7", "vip": "false", "name": "Ada", "note": ""});
    let call = &fixture.platform.calls()[0].body;
    assert_eq!((&texts, &texts), (&call["metadata"], &call["channel"]["metadata"]["customAttributes"]));
    // A card number, for example: as a 64-bit float it would change.
    let answer = fixture
        .inbound("messages", &message(&json!({"text": "t", "metadata": {"a": 89_490_200_001_234_567_890_f64}})))
        .await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/metadata/a has too many digits for a number: write it as a string.", answer.body["detail"]);
    let answer = fixture.inbound("messages", &message(&json!({"text": "t", "metadata": {"a": {"b": 1}}}))).await;
    answer.assert_problem(400, "invalid-body");
    assert_eq!("/metadata/a must be a string, a number, true or false.", answer.body["detail"]);
}

#[tokio::test]
async fn a_body_may_begin_with_a_byte_order_mark() {
    let fixture = WithPlatform::start().await;
    let body = format!("\u{feff}{}", message(&json!({"text": "hello"})));
    for request in [Request::text(body.clone()).signed(), Request::text(body).with_bearer_token()] {
        let answer = request.post(&fixture.stack, &fixture.integration, "inbound/messages").await;
        assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    }
}

#[tokio::test]
async fn an_invalid_value_is_named_with_the_valid_ones() {
    let fixture = WithPlatform::start().await;
    let body = message(&json!({
        "text": "t", "channel": "fax", "surprise": 1, "from": {"id": "c", "idType": "Pigeon", "phone": "1"},
        "attachment": {"url": "https://e.com/a", "mime": "image/png", "mediaType": "film"},
    }));
    let answer = fixture.inbound("messages", &body).await;
    answer.assert_problem(400, "invalid-body");
    let errors: BTreeSet<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| format!("{} {}", fault["pointer"], fault["detail"]))
        .collect();
    for expected in [
        concat!(
            r#""/channel" "must be `SMS`, `RCS`, `Email`, `WhatsApp`, `GMB`, `IG`, `FB`, `Custom`, `WebChat`, "#,
            r#"`Live_Chat`, `Call`, `IVR_Call`, `Campaign_Call`, `Campaign_VoiceMail`, `TIKTOK`, "#,
            r#"`ALL_IN_ONE_CHAT` or `FORM_SUBMISSION`""#,
        ),
        r#""/from/idType" "must be `Email`, `Phone` or `Opaque`""#,
        r#""/attachment/mediaType" "must be `Image`, `Video`, `Audio`, `File` or `Link`""#,
        r#""/from/phone" "is not a known field; known are id, idType, nickname, firstName, lastName, image, email""#,
    ] {
        assert!(errors.contains(expected), "{errors:#?}");
    }
    assert!(
        errors.iter().any(|error| error.starts_with(r#""/surprise" "is not a known field; known are messageId, "#))
    );
}

#[tokio::test]
async fn a_message_without_a_time_has_the_time_of_its_first_request_on_every_attempt() {
    let fixture = WithPlatform::start().await;
    let before = Timestamp::now();
    let mut body = message(&json!({"text": "hello"}));
    body.as_object_mut().unwrap().remove("time");
    fixture.platform.fail([Fault::ResponseLost; ATTEMPTS]);
    fixture.inbound("messages", &body).await.assert_problem(504, "outcome-unknown");
    let after = Timestamp::now();
    let lost = fixture.messages().len();
    // The gateway's retry, with another time. Its first attempt is lost as well.
    let mut later = body.clone();
    later["time"] = "2026-01-02T03:04:05Z".into();
    fixture.posted("messages", &later).await;
    let messages = fixture.messages();
    assert!(lost > 1 && messages.len() > lost, "{messages:?}");
    let times: BTreeSet<_> = messages.iter().map(|[_, time, ..]| time.as_str().unwrap()).collect();
    let [time] = times.into_iter().collect::<Vec<_>>()[..] else { panic!("{messages:?}") };
    let time: Timestamp = time.parse().unwrap();
    assert!(before.as_millisecond() <= time.as_millisecond() && time <= after, "{time}");
    // From here on every retry is a replay, whatever its time is.
    for repeat in [&body, &later, &message(&json!({"text": "hello"}))] {
        assert!(fixture.posted("messages", repeat).await.replayed, "{repeat}");
    }
}

#[tokio::test]
async fn the_time_of_the_first_request_is_kept_after_an_unknown_outcome_and_after_an_interruption() {
    let now = Timestamp::now();
    let first: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    for (what, kind, operation) in
        [("messages", "message", "inbound-message"), ("responses", "response", "structured-response")]
    {
        for is_released in [true, false] {
            let fixture = WithPlatform::start().await;
            fixture.platform.know_message("o");
            let mut body = message(&json!({"text": "t", "time": "2026-03-04T05:06:07Z"}));
            if what == "responses" {
                body.as_object_mut()
                    .unwrap()
                    .extend([("originatingMessageId".to_owned(), "o".into()), ("type".to_owned(), "Button".into())]);
            }
            let lease = fixture.acquire(kind, "m-1", now - SignedDuration::from_mins(1), Some((first, &body))).await;
            if is_released {
                fixture.stack.ledger().release(&lease, now).await.unwrap();
            }
            // The platform would treat other content as a duplicate and drop it.
            let mut other = body.clone();
            other["text"] = "other".into();
            fixture.inbound(what, &other).await.assert_problem(422, "idempotency-key-reused");
            fixture.posted(what, &body).await;
            let call = &fixture.platform.calls_of(operation)[0].body;
            assert_eq!("2026-01-02T03:04:05.678Z", call["channel"]["time"], "{what} {is_released}");
        }
    }
}

/// A text with this day of March 2026 as its time.
fn at(day: u8) -> Value {
    message(&json!({"text": "t", "time": format!("2026-03-0{day}T00:00:00Z")}))
}

#[tokio::test]
async fn a_retry_may_change_a_time_with_which_nothing_was_accepted() {
    for fault in [Fault::Status(400), Fault::RateLimited(600)] {
        let fixture = WithPlatform::start().await;
        fixture.platform.fail([fault, fault]);
        for day in [1, 2] {
            let answer = fixture.inbound("messages", &at(day)).await;
            assert!(answer.status.is_client_error(), "{:?}", answer.body);
        }
        fixture.posted("messages", &at(3)).await;
        assert_eq!("2026-03-03T00:00:00.000Z", fixture.messages()[0][1], "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_free_the_time_of_an_earlier_attempt_that_may_have_been_accepted() {
    let times = |fixture: &WithPlatform| {
        fixture.messages().into_iter().map(|[_, time, ..]| time.to_string()).collect::<BTreeSet<_>>()
    };
    // By an earlier request.
    let (fixture, now) = (WithPlatform::start().await, Timestamp::now());
    let time = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let unknown = fixture.acquire("message", "m-1", now - SignedDuration::from_mins(1), Some((time, &at(1)))).await;
    fixture.stack.ledger().release(&unknown, now).await.unwrap();
    fixture.platform.fail([Fault::Status(400)]);
    fixture.inbound("messages", &at(1)).await.assert_problem(400, "platform-refused");
    fixture.posted("messages", &at(2)).await;
    assert_eq!(BTreeSet::from([r#""2026-01-02T03:04:05.678Z""#.to_owned()]), times(&fixture));
    // By an earlier attempt of the same request, whose outcome stays unknown whatever later attempts return.
    for refusal in [Fault::RateLimited(600), Fault::Status(400)] {
        let fixture = WithPlatform::start().await;
        fixture.platform.fail([Fault::ResponseLost, refusal]);
        fixture.inbound("messages", &at(1)).await.assert_problem(504, "outcome-unknown");
        fixture.posted("messages", &at(2)).await;
        assert_eq!(BTreeSet::from([r#""2026-03-01T00:00:00.000Z""#.to_owned()]), times(&fixture), "{refusal:?}");
    }
}

#[tokio::test]
async fn the_time_is_kept_when_one_file_is_posted_and_another_is_refused() {
    let fixture = WithPlatform::start().await;
    fixture.platform.fail([NO_FAULT, Fault::Status(400)]);
    let body =
        |day: u8| message(&json!({"time": format!("2026-03-0{day}T00:00:00Z"), "attachments": [file("v"), file("w")]}));
    fixture.inbound("messages", &body(1)).await.assert_problem(400, "platform-refused");
    fixture.posted("messages", &body(2)).await;
    let times: Vec<_> = fixture.messages().into_iter().map(|[_, time, ..]| time).collect();
    assert_eq!(vec!["2026-03-01T00:00:00.000Z"; 2], times);
}

#[tokio::test]
async fn an_item_of_the_ledger_that_an_earlier_version_wrote_takes_the_time_of_the_next_request() {
    let fixture = WithPlatform::start().await;
    let now = Timestamp::now();
    let lease = fixture.acquire("message", "m-1", now + SignedDuration::from_mins(1), None).await;
    fixture.stack.ledger().release(&lease, now).await.unwrap();
    fixture.posted("messages", &message(&json!({"text": "hello"}))).await;
    assert_eq!("2026-01-02T03:04:05.678Z", fixture.messages()[0][1]);
}
