//! Parses webhooks. Names and words that are not known are ignored: Twilio adds some without notice.
//!
//! Source: <https://www.twilio.com/docs/messaging/guides/webhook-request>.

use super::codes;
use super::customer::{WHATSAPP, customer};
use super::media::media_reference;
use super::parameters::Parameters;
use crate::channel::event::{ChannelEvent, CustomerEvent, Press, ReceivedFile, StatusReport};
use crate::channel::map::map_link;
use crate::json::fields::{FieldError, media_type_essence};
use crate::model::inbound::MediaType;
use crate::model::receipt::{DeliveryStatus, FailureReason, ReasonCode};

/// Below the channel's address; the sealed link follows.
pub(super) const STATUS_PATH: &str = "/status/";

/// What Twilio allows in a message.
const MAX_FILES: usize = 10;

const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// The senders whose customers may confirm that they have read a message.
const NETWORKS_WITH_READ_STATUS: [&str; 2] = [WHATSAPP, "rcs:"];

pub(super) fn parse(path: &str, parameters: &Parameters<'_>) -> Result<ChannelEvent, FieldError> {
    match path.strip_prefix(STATUS_PATH) {
        Some(link) if !link.is_empty() => Ok(status(link, parameters)),
        None if path.is_empty() || path == "/" => inbound(parameters),
        _ => Err(FieldError::new("", "was sent to a path that the channel does not have")),
    }
}

fn inbound(parameters: &Parameters<'_>) -> Result<ChannelEvent, FieldError> {
    let required = |names: &[&str]| {
        let name = names.first().copied().unwrap_or_default();
        parameters.first_of(names).ok_or_else(|| FieldError::new(format!("/{name}"), "is required"))
    };
    let message_id = required(&["MessageSid", "SmsMessageSid", "SmsSid"])?;
    let from = required(&["From"])?;
    // Only status callbacks have it. They come here if the number or the service has this address for them too.
    if parameters.get("MessageStatus").is_some_and(|status| !status.to_ascii_lowercase().starts_with("receiv")) {
        return Ok(ChannelEvent::Ignored("a status without a link"));
    }
    let press = parameters.first_of(&["ButtonPayload", "ListId"]).map(|data| Press {
        data: data.to_owned(),
        acknowledge: None,
        message: parameters.get("OriginalRepliedMessageSid").map(str::to_owned),
        links: Vec::new(),
    });
    let (files, unreadable) = files(parameters);
    let text = match press {
        Some(_) => parameters.first_of(&["ButtonText", "ListTitle", "Body"]).map(str::to_owned),
        None => text(parameters),
    };
    let text = text.into_iter().chain(unreadable).reduce(|text, line| format!("{text}\n{line}"));
    if text.is_none() && files.is_empty() && press.is_none() {
        return Ok(ChannelEvent::Ignored("a message without content"));
    }
    Ok(ChannelEvent::Customer(Box::new(CustomerEvent {
        message_id: message_id.to_owned(),
        from: customer(from, parameters.get("ProfileName")),
        time: None,
        text,
        files,
        press,
    })))
}

/// The text, and the place that the customer sent, as people read it.
fn text(parameters: &Parameters<'_>) -> Option<String> {
    let degrees = |name: &str| parameters.get(name)?.trim().parse().ok();
    let link =
        degrees("Latitude").zip(degrees("Longitude")).and_then(|(latitude, longitude)| map_link(latitude, longitude));
    let place = |name: &str| parameters.get(name).filter(|_| link.is_some());
    let mut lines = Vec::new();
    for line in [parameters.get("Body"), place("Label"), place("Address"), link.as_deref()].into_iter().flatten() {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The files, and a line for each whose address is not one of Twilio's: the agent learns that there is one.
fn files(parameters: &Parameters<'_>) -> (Vec<ReceivedFile>, Vec<String>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for index in 0..MAX_FILES {
        let Some(url) = parameters.get(&format!("MediaUrl{index}")) else { continue };
        // Without a type, or with a malformed one, the file is still a file.
        let mime = parameters.get(&format!("MediaContentType{index}")).and_then(media_type_essence);
        let mime = mime.unwrap_or_else(|| UNKNOWN_MEDIA_TYPE.to_owned());
        match media_reference(url) {
            Some(reference) => {
                let media_type = MediaType::from_mime(&mime);
                files.push(ReceivedFile { media_type, mime, filename: None, reference });
            }
            None => unreadable.push(format!("[A file that cannot be passed on: {mime}]")),
        }
    }
    (files, unreadable)
}

fn status(link: &str, parameters: &Parameters<'_>) -> ChannelEvent {
    let word = parameters.first_of(&["MessageStatus", "SmsStatus", "EventType"]).unwrap_or_default();
    let code: Option<u32> = parameters.get("ErrorCode").and_then(|code| code.trim().parse().ok());
    let (status, is_final, reason) = match word.trim().to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => {
            return ChannelEvent::Ignored("a status of a message that was not sent yet");
        }
        "sent" => (DeliveryStatus::Pending, false, None),
        "delivered" | "partially_delivered" => (DeliveryStatus::Delivered, !may_be_read(parameters), None),
        "read" => (DeliveryStatus::Read, true, None),
        "failed" | "undelivered" => (DeliveryStatus::Failed, true, Some(codes::reported_failure(code))),
        "canceled" => {
            let message = "The message was canceled at Twilio.".to_owned();
            (DeliveryStatus::Failed, true, Some(FailureReason { code: ReasonCode::MessageNotAllowed, message }))
        }
        "receiving" | "received" => return ChannelEvent::Ignored("a status of an inbound message"),
        _ => return ChannelEvent::Ignored("an unknown status"),
    };
    ChannelEvent::Status(StatusReport {
        link: link.to_owned(),
        status,
        is_final,
        reasons: reason.into_iter().collect(),
        code: code.filter(|_| status == DeliveryStatus::Failed).map(|code| code.to_string()),
    })
}

/// Whether a `read` may follow.
fn may_be_read(parameters: &Parameters<'_>) -> bool {
    let is_such = |value: &str| {
        let value = value.trim().to_ascii_lowercase();
        NETWORKS_WITH_READ_STATUS
            .iter()
            .any(|network| value.starts_with(network) || value == network.trim_end_matches(':'))
    };
    ["From", "ChannelPrefix"].iter().filter_map(|name| parameters.get(name)).any(is_such)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::event::FileReference;
    use crate::model::message::IdType;
    use url::form_urlencoded::Serializer;

    const MESSAGE: &str = "MM22222222222222222222222222222222";
    const MEDIUM: &str = "ME33333333333333333333333333333333";

    fn parsed(path: &str, pairs: &[(&str, &str)]) -> Result<ChannelEvent, FieldError> {
        let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
        parse(path, &Parameters::parse(form.as_bytes()))
    }

    fn received(pairs: &[(&str, &str)]) -> Result<ChannelEvent, FieldError> {
        parsed("", &[&[("MessageSid", MESSAGE), ("From", "+15005550010"), ("NumMedia", "0")], pairs].concat())
    }

    fn customer_event(pairs: &[(&str, &str)]) -> CustomerEvent {
        match received(pairs).unwrap() {
            ChannelEvent::Customer(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    fn reported(pairs: &[(&str, &str)]) -> ChannelEvent {
        parsed("/status/token", pairs).unwrap()
    }

    fn report(status: DeliveryStatus, is_final: bool) -> StatusReport {
        StatusReport { link: "token".to_owned(), status, is_final, reasons: Vec::new(), code: None }
    }

    #[test]
    fn a_text_is_passed_on_unchanged_and_without_a_time() {
        let event = customer_event(&[("Body", " Héllo 👋 1+1=2 & more "), ("ToState", ""), ("Unknown", "x")]);
        assert_eq!(Some(" Héllo 👋 1+1=2 & more "), event.text.as_deref());
        assert_eq!((MESSAGE, "+15005550010"), (event.message_id.as_str(), event.from.id.as_str()));
        assert_eq!((IdType::Phone, None, None), (event.from.id_type, event.from.nickname, event.time));
        assert!(event.files.is_empty() && event.press.is_none());
    }

    #[test]
    fn a_button_is_a_press_with_its_payload() {
        let pairs = [
            ("From", "whatsapp:+15005550010"),
            ("ProfileName", "Ada"),
            ("Body", "Yes"),
            ("ButtonText", "Yes!"),
            ("ButtonPayload", "k7Qm2"),
            ("MessageSid", MESSAGE),
            ("OriginalRepliedMessageSid", "MM5"),
        ];
        let Ok(ChannelEvent::Customer(event)) = parsed("/", &pairs) else { panic!("no event") };
        assert_eq!(("+15005550010", Some("Ada")), (event.from.id.as_str(), event.from.nickname.as_deref()));
        let press =
            Press { data: "k7Qm2".to_owned(), acknowledge: None, message: Some("MM5".to_owned()), links: Vec::new() };
        assert_eq!((Some("Yes!"), Some(press)), (event.text.as_deref(), event.press));
        let list = customer_event(&[("ListId", "one"), ("ListTitle", "One"), ("Body", "Choice")]);
        assert_eq!((Some("One"), "one"), (list.text.as_deref(), list.press.unwrap().data.as_str()));
        let without_payload = customer_event(&[("ButtonText", "Yes"), ("Body", "Yes")]);
        assert_eq!((Some("Yes"), None), (without_payload.text.as_deref(), without_payload.press));
    }

    #[test]
    fn files_are_named_by_their_ids_and_never_by_a_host() {
        let url = |host: &str, rest: &str| {
            format!(
                "https://{host}/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages/{MESSAGE}/Media/{rest}"
            )
        };
        let event = customer_event(&[
            ("MediaUrl0", &url("api.twilio.com", MEDIUM)),
            ("MediaContentType0", "image/JPEG; q=1"),
            ("MediaUrl1", &url("evil.example", MEDIUM)),
            ("MediaContentType1", "audio/ogg"),
            ("MediaUrl2", &url("api.twilio.com", MEDIUM)),
            ("MediaUrl3", &url("api.twilio.com", "../../Keys")),
            ("MediaContentType3", "image/png"),
            ("MediaUrl4", "https://evil.example/ME33333333333333333333333333333333"),
            ("MediaContentType4", "image/png"),
        ]);
        let reference = FileReference(format!("{MESSAGE}/{MEDIUM}"));
        let file = |media_type, mime: &str| ReceivedFile {
            media_type,
            mime: mime.to_owned(),
            filename: None,
            reference: reference.clone(),
        };
        let expected = vec![
            file(MediaType::Image, "image/jpeg"),
            file(MediaType::Audio, "audio/ogg"),
            file(MediaType::File, "application/octet-stream"),
        ];
        assert!(expected == event.files);
        let unreadable = "[A file that cannot be passed on: image/png]";
        assert_eq!(Some(format!("{unreadable}\n{unreadable}")), event.text);
    }

    #[test]
    fn a_place_is_a_text_with_a_link() {
        let pairs = [
            ("Body", "Tower"),
            ("Latitude", "48.8584"),
            ("Longitude", "2.2945"),
            ("Label", "Tower"),
            ("Address", "Paris"),
        ];
        let event = customer_event(&pairs);
        assert_eq!(
            Some("Tower\nParis\nhttps://www.google.com/maps/search/?api=1&query=48.8584%2C2.2945"),
            event.text.as_deref()
        );
        for (latitude, longitude) in [("48,8", "2"), ("NaN", "2"), ("91", "2"), ("48", "inf"), ("48", "")] {
            let event = customer_event(&[("Body", "x"), ("Latitude", latitude), ("Longitude", longitude)]);
            assert_eq!(Some("x"), event.text.as_deref(), "{latitude} {longitude}");
        }
    }

    #[test]
    fn an_opt_out_word_is_a_text_like_any_other() {
        let event = customer_event(&[("Body", "STOP"), ("OptOutType", "STOP")]);
        assert_eq!(Some("STOP"), event.text.as_deref());
    }

    #[test]
    fn a_message_without_content_is_ignored() {
        let ignored = Ok(ChannelEvent::Ignored("a message without content"));
        for pairs in [&[][..], &[("Body", "  ")], &[("MessageType", "reaction")]] {
            assert_eq!(ignored, received(pairs));
        }
    }

    #[test]
    fn a_status_at_the_address_for_messages_is_not_a_message() {
        let ignored = Ok(ChannelEvent::Ignored("a status without a link"));
        assert_eq!(ignored, received(&[("MessageStatus", "delivered"), ("Body", "echo")]));
        assert_eq!(Some("hi"), customer_event(&[("MessageStatus", "Received"), ("Body", "hi")]).text.as_deref());
    }

    #[test]
    fn a_message_without_an_id_or_a_customer_is_an_error() {
        let error = |pointer: &str| Err(FieldError::new(pointer, "is required"));
        assert_eq!(error("/MessageSid"), parsed("", &[("From", "+15005550010"), ("Body", "x"), ("MessageSid", " ")]));
        assert_eq!(error("/From"), parsed("", &[("SmsSid", MESSAGE), ("Body", "x")]));
        assert_eq!(error("/MessageSid"), parsed("", &[]));
        for path in ["/status/", "/status", "/inbound", "status/x"] {
            assert!(parsed(path, &[("SmsSid", MESSAGE), ("From", "+1"), ("Body", "x")]).is_err(), "{path}");
        }
    }

    #[test]
    fn statuses_are_mapped_in_any_case() {
        for (word, status, is_final) in [
            ("Sent", DeliveryStatus::Pending, false),
            ("DELIVERED", DeliveryStatus::Delivered, true),
            ("partially_delivered", DeliveryStatus::Delivered, true),
            ("read", DeliveryStatus::Read, true),
        ] {
            let expected = ChannelEvent::Status(report(status, is_final));
            assert_eq!(expected, reported(&[("MessageStatus", word), ("From", "+15005550006")]));
            assert_eq!(expected, reported(&[("SmsStatus", word)]));
        }
        assert_eq!(ChannelEvent::Status(report(DeliveryStatus::Read, true)), reported(&[("EventType", "READ")]));
        for word in ["accepted", "scheduled", "Queued", "sending", "receiving", "received", "teleported", ""] {
            assert!(matches!(reported(&[("MessageStatus", word)]), ChannelEvent::Ignored(_)), "{word}");
        }
    }

    #[test]
    fn a_delivered_message_may_still_be_read_on_whatsapp_and_rcs() {
        for (name, value) in [("From", "whatsapp:+15005550006"), ("ChannelPrefix", "WhatsApp"), ("From", "rcs:acme")] {
            let event = reported(&[("MessageStatus", "delivered"), (name, value)]);
            assert_eq!(ChannelEvent::Status(report(DeliveryStatus::Delivered, false)), event, "{value}");
        }
    }

    #[test]
    fn a_failure_has_the_reason_of_its_code_and_the_code() {
        let failed = |reason, message: &str, code: Option<&str>| {
            let reasons = vec![FailureReason { code: reason, message: message.to_owned() }];
            let code = code.map(str::to_owned);
            ChannelEvent::Status(StatusReport { reasons, code, ..report(DeliveryStatus::Failed, true) })
        };
        let opted_out = "The customer has opted out (STOP). (Twilio error 21610)";
        let general = "The message could not be delivered.";
        for (word, code, expected) in [
            ("undelivered", "21610", failed(ReasonCode::RecipientOptedOut, opted_out, Some("21610"))),
            ("Failed", " 21610 ", failed(ReasonCode::RecipientOptedOut, opted_out, Some("21610"))),
            ("failed", "", failed(ReasonCode::GeneralError, general, None)),
            ("failed", "hidden", failed(ReasonCode::GeneralError, general, None)),
            ("canceled", "", failed(ReasonCode::MessageNotAllowed, "The message was canceled at Twilio.", None)),
        ] {
            assert_eq!(expected, reported(&[("MessageStatus", word), ("ErrorCode", code)]), "{word} {code}");
        }
    }
}
