//! Genesys Cloud's conversation events, in the envelope of Amazon EventBridge.
//!
//! Only `topicName`, `eventBody` and in it the ids, `eventTime`, `mediaType`, `direction` and `provider` are certain to be
//! there, so everything else is optional. `detail-type` has the literal `{id}` in place of the conversation's id; a real
//! id is read too.
//!
//! Source: <https://help.mypurecloud.com/articles/configure-the-amazon-eventbridge-integration>.

use crate::json::fields::FieldError;
use crate::json::lenient::Members;
use crate::model::conversation::{Addresses, Change, ConversationUpdate, EventContent, Session, SourceEvent};
use crate::platform::payload;
use jiff::Timestamp;

/// The beginning of a topic, before the conversation's id.
const TOPIC: &str = "v2.detail.events.conversation.";

/// Reads an event.
///
/// # Errors
/// It is not JSON, or lacks what identifies it.
pub(super) fn read(event: &[u8]) -> Result<SourceEvent, FieldError> {
    let event = payload::read(event)?;
    let source = event.text("source").ok_or_else(|| FieldError::new("/source", "is required"))?;
    let detail = event.object("detail").ok_or_else(|| FieldError::new("/detail", "must be an object"))?;
    let kind = kind(&event, &detail)?;
    let body = detail.object("eventBody").ok_or_else(|| FieldError::new("/detail/eventBody", "must be an object"))?;
    Ok(SourceEvent { source, content: content(&kind, &body)? })
}

/// The end of the topic, such as `user.start`.
fn kind(event: &Members<'_>, detail: &Members<'_>) -> Result<String, FieldError> {
    let kind = |topic: String| Some(topic.strip_prefix(TOPIC)?.split_once('.')?.1.to_owned());
    let found = event.text("detail-type").and_then(kind).or_else(|| detail.text("topicName").and_then(kind));
    found.ok_or_else(|| FieldError::new("/detail-type", "must be a topic of a conversation"))
}

fn content(kind: &str, body: &Members<'_>) -> Result<EventContent, FieldError> {
    let is = |name: &str, word: &str| body.text(name).map(|value| value.eq_ignore_ascii_case(word));
    if is("mediaType", "MESSAGE") != Some(true) || is("messageType", "OPEN") == Some(false) {
        return Ok(EventContent::Ignored("not open messaging"));
    }
    let change = match kind {
        "customer.start" => None,
        "customer.end" => Some(Change::Ended),
        "user.start" => Some(Change::AgentJoined),
        // An agent who never answered has joined too: the session starts when the agent is alerted.
        "user.end" if is_transfer(body) && !was_never_answered(body) => Some(Change::Transferred),
        "user.end" => Some(Change::AgentLeft),
        _ => return Ok(EventContent::Ignored("not delivered")),
    };
    let conversation_id = required_id(body, "conversationId")?;
    let update = change.map(|change| update(change, &conversation_id, body).map(Box::new)).transpose()?;
    Ok(EventContent::OfConversation { addresses: addresses(body), conversation_id, update })
}

fn update(change: Change, conversation_id: &str, body: &Members<'_>) -> Result<ConversationUpdate, FieldError> {
    let (is_of_agent, is_end) = (change != Change::Ended, change != Change::AgentJoined);
    Ok(ConversationUpdate {
        change,
        conversation_id: conversation_id.to_owned(),
        time: time(body)?,
        session: Session {
            session_id: required_id(body, "sessionId")?,
            participant_id: body.id("participantId"),
            user_id: body.id("userId").filter(|_| is_of_agent),
            queue_id: body.id("queueId").filter(|_| is_of_agent),
            reason: body.text("disconnectType").filter(|_| is_end),
        },
    })
}

/// Milliseconds in detail events, a text in ISO 8601 in others.
fn time(body: &Members<'_>) -> Result<Timestamp, FieldError> {
    let of_number = body.count("eventTime").and_then(|number| i64::try_from(number).ok());
    let of_number = of_number.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    let time = of_number.or_else(|| body.text("eventTime")?.parse().ok());
    time.ok_or_else(|| FieldError::new("/detail/eventBody/eventTime", "must be a time"))
}

fn required_id(body: &Members<'_>, name: &str) -> Result<String, FieldError> {
    let id = body.id(name);
    let id = payload::first_id([&id]).map(str::to_owned);
    id.ok_or_else(|| FieldError::new(format!("/detail/eventBody/{name}"), "must be an id"))
}

/// The agent was alerted and did not interact.
fn was_never_answered(body: &Members<'_>) -> bool {
    body.count("interactingDurationMs").unwrap_or_default() == 0 && body.has("alertingDurationMs")
}

fn is_transfer(body: &Members<'_>) -> bool {
    body.text("disconnectType").is_some_and(|word| word.to_ascii_uppercase().ends_with("TRANSFER"))
}

/// The customer's address is that of the sender of an inbound session, and of the recipient of an outbound one.
fn addresses(body: &Members<'_>) -> Option<Addresses> {
    let is_outbound = body.text("direction").is_some_and(|word| word.eq_ignore_ascii_case("OUTBOUND"));
    let (from, to) = (body.id("addressFrom"), body.id("addressTo"));
    let (customer, channel_id) = if is_outbound { (to, from) } else { (from, to) };
    let (customer, channel_id) = (customer, channel_id?);
    Some(Addresses { customer: payload::first_id([&customer])?.to_owned(), channel_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const CONVERSATION: &str = "2f7bf00a-0fc2-4d6a-9b56-92238191433e";

    fn event(kind: &str, body: &Value) -> Value {
        let mut event_body = json!({
            "eventTime": 1_781_453_530_949_i64, "conversationId": CONVERSATION, "participantId": "p", "sessionId": "s",
            "mediaType": "MESSAGE", "provider": "PureCloud Messaging", "direction": "INBOUND",
        });
        for (name, value) in body.as_object().unwrap() {
            event_body[name] = value.clone();
        }
        json!({
            "version": "0", "id": "58fb5dac-f077-4eec-a25f-c638dbdd4368", "source": "aws.partner/genesys.com/cloud/o/s",
            "detail-type": format!("{TOPIC}{{id}}.{kind}"),
            "detail": {"topicName": format!("{TOPIC}{CONVERSATION}.{kind}"), "version": "2", "eventBody": event_body},
        })
    }

    fn read_value(event: &Value) -> Result<SourceEvent, FieldError> {
        read(event.to_string().as_bytes())
    }

    fn content_of(kind: &str, body: &Value) -> EventContent {
        read_value(&event(kind, body)).unwrap().content
    }

    fn update_of(kind: &str, body: &Value) -> ConversationUpdate {
        match content_of(kind, body) {
            EventContent::OfConversation { update: Some(update), .. } => *update,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_vendors_own_envelope_is_the_end_of_a_conversation() {
        let body = include_str!("../../../../tests/fixtures/genesys-cloud/events/customer-end.json");
        let SourceEvent { source, content } = read(body.as_bytes()).unwrap();
        assert_eq!("aws.partner/genesys.com/cloud/32aa07aa-db1b-4987-abd0-9483601ec29d/patchbay", source);
        let EventContent::OfConversation { conversation_id, update: Some(update), addresses } = content else {
            panic!()
        };
        assert_eq!((CONVERSATION, None), (conversation_id.as_str(), addresses));
        assert_eq!(Change::Ended, update.change);
        assert_eq!("2026-06-14T16:12:10.949Z", update.time.to_string());
        assert_eq!("c03d300e-fa79-4353-9695-b97a71322785", update.session.session_id);
        assert_eq!(None, update.session.reason, "the vendor's test data have none");
    }

    #[test]
    fn each_kind_of_event_is_mapped() {
        let interacted = json!({"interactingDurationMs": 5, "alertingDurationMs": 3, "disconnectType": "PEER"});
        for (kind, body, expected) in [
            ("user.start", json!({}), Change::AgentJoined),
            ("user.end", json!({}), Change::AgentLeft),
            ("user.end", interacted, Change::AgentLeft),
            ("user.end", json!({"disconnectType": "TRANSFER"}), Change::Transferred),
            ("user.end", json!({"disconnectType": "consult_transfer"}), Change::Transferred),
            ("customer.end", json!({"disconnectType": "TRANSFER"}), Change::Ended),
        ] {
            let update = update_of(kind, &body);
            assert_eq!(expected, update.change, "{kind} {body}");
            assert_eq!(body["disconnectType"].as_str(), update.session.reason.as_deref());
        }
        for kind in ["acw", "wrapup", "acd.end", "flow.start", "a.later.kind"] {
            assert_eq!(EventContent::Ignored("not delivered"), content_of(kind, &json!({})), "{kind}");
        }
        assert!(matches!(content_of("customer.start", &json!({})), EventContent::OfConversation { update: None, .. }));
    }

    #[test]
    fn an_agent_who_never_answered_leaves_and_has_transferred_nothing() {
        for body in [
            json!({"alertingDurationMs": 3, "disconnectType": "NO_ANSWER_TRANSFER"}),
            json!({"alertingDurationMs": 3, "interactingDurationMs": 0, "disconnectType": "TRANSFER"}),
        ] {
            let update = update_of("user.end", &body);
            assert_eq!(Change::AgentLeft, update.change, "{body}");
            assert_eq!(body["disconnectType"].as_str(), update.session.reason.as_deref());
        }
    }

    #[test]
    fn other_media_and_other_channels_are_ignored_before_anything_else_is_read() {
        for body in [
            json!({"mediaType": "CHAT"}),
            json!({"mediaType": null, "sessionId": null}),
            json!({"messageType": "SMS", "eventTime": null}),
        ] {
            assert_eq!(EventContent::Ignored("not open messaging"), content_of("user.start", &body), "{body}");
        }
        assert_eq!(Change::AgentJoined, update_of("user.start", &json!({"messageType": "open"})).change);
    }

    #[test]
    fn a_topic_with_a_real_id_and_a_time_as_text_are_read() {
        let mut with_id = event("user.start", &json!({"eventTime": "2026-06-14T16:12:10.949Z"}));
        with_id["detail-type"] = format!("{TOPIC}{CONVERSATION}.user.start").into();
        let of_topic_name = {
            let mut event = with_id.clone();
            event["detail-type"] = Value::Null;
            event
        };
        for event in [with_id, of_topic_name] {
            let EventContent::OfConversation { update: Some(update), .. } = read_value(&event).unwrap().content else {
                panic!("{event}")
            };
            let from_number = update_of("user.start", &json!({})).time;
            assert_eq!((Change::AgentJoined, from_number), (update.change, update.time));
        }
    }

    #[test]
    fn the_addresses_are_those_of_the_direction() {
        let ends = json!({"addressTo": "i", "addressFrom": "c"});
        for (direction, channel, customer) in [("INBOUND", "i", "c"), ("OUTBOUND", "c", "i"), ("UNKNOWN", "i", "c")] {
            let mut body = ends.clone();
            body["direction"] = direction.into();
            let EventContent::OfConversation { addresses, .. } = content_of("customer.start", &body) else { panic!() };
            let expected = Addresses { channel_id: channel.to_owned(), customer: customer.to_owned() };
            assert_eq!(Some(expected), addresses, "{direction}");
        }
    }

    #[test]
    fn what_lacks_an_identity_is_malformed_and_not_quoted() {
        let without = |pointer: &str, value: Value| {
            let mut event = event("user.start", &json!({}));
            *event.pointer_mut(pointer).unwrap() = value;
            read_value(&event).unwrap_err().pointer
        };
        for pointer in [
            "/source",
            "/detail",
            "/detail/eventBody",
            "/detail/eventBody/conversationId",
            "/detail/eventBody/sessionId",
            "/detail/eventBody/eventTime",
        ] {
            assert_eq!(pointer, without(pointer, Value::Null));
        }
        assert_eq!("/detail/eventBody/eventTime", without("/detail/eventBody/eventTime", json!("yesterday")));
        assert!(read(b"{").is_err() && read(b"[]").is_err());
    }
}
