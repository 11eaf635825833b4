//! An unexpected value of one member does not affect other members.
//!
//! Each member of each sample, at any depth, is replaced with each of [`unexpected_values`]. The message must still be
//! accepted, and everything that does not come from the replaced member must be unchanged. Only the cases in
//! [`may_be_rejected`] are exempt.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod fallback_text;
mod samples;

use samples::{BOTH_FORMS, Sample, fixtures, samples};
use serde_json::{Map, Value, json};
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;

fn unexpected_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(""),
        json!(" "),
        json!(5),
        json!(1.5),
        json!("5"),
        json!(true),
        json!([]),
        json!({}),
        json!([null]),
        json!({"a": {"b": []}}),
    ]
}

/// The pointers to all members and elements in `value`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => elements.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => return,
    };
    for (name, child) in children {
        let at = format!("{at}/{name}");
        pointers(child, &at, found);
        found.push(at);
    }
}

/// All scalar values in `value`.
fn scalars(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| scalars(value, found)),
        Value::Array(elements) => elements.iter().for_each(|value| scalars(value, found)),
        scalar => found.push(scalar.clone()),
    }
}

/// Whether a message may be rejected or ignored because of this member: it determines the owner of the message, or that the
/// message is for the customer and not an internal comment.
fn may_be_rejected(sample: &Sample, at: &str, odd: &Value) -> bool {
    let names_another = *odd == json!(5) || *odd == json!("5");
    let channel = &sample.body["channel"];
    match (sample.platform, at) {
        (PlatformName::GenesysCloud | PlatformName::MulticloudCx, "/channel") => true,
        (PlatformName::GenesysCloud | PlatformName::MulticloudCx, "/channel/id") => {
            names_another || channel["from"]["id"] != channel["id"] && channel["to"]["id"] != channel["id"]
        }
        (PlatformName::GenesysCloud, "/channel/from" | "/channel/from/id") => {
            channel["id"].is_null() && sample.body["type"] != "Receipt"
        }
        (PlatformName::HighLevel, "/type" | "/locationId") => true,
        (PlatformName::HighLevel, "/messageType") => sample.body["messageTypeString"].is_null(),
        (PlatformName::HighLevel, "/messageTypeString") => sample.body["messageType"].is_null(),
        _ => false,
    }
}

/// Whether the kind may change: the member is the type, or the only one from which the kind is inferred.
fn may_change_kind(sample: &Sample, at: &str, odd: &Value) -> bool {
    let another_word = *odd == json!("5") || sample.platform == PlatformName::HighLevel && *odd == json!(" ");
    match at {
        "/type" => another_word || sample.is("unknown-type"),
        "/events" | "/events/0" => true,
        "/events/0/eventType" => another_word,
        _ => false,
    }
}

/// The parts of `before` that are missing from `after` although they do not come from the replaced member.
fn lost(before: &Value, after: &Value, replaced: &[Value], at: &str, found: &mut Vec<String>) {
    let is_touched = |value: &Value| {
        let mut own = Vec::new();
        scalars(value, &mut own);
        own.is_empty() || own.iter().any(|value| is_from(value, replaced))
    };
    match (before, after) {
        (Value::Object(members), Value::Object(after)) => {
            for (name, value) in members {
                // The type of an id depends on the id.
                let depends_on_id = name == "idType" && members.get("id").is_some_and(is_touched);
                // Depends on all parts: see `fallback_text`.
                if !depends_on_id && name != "fallbackText" {
                    lost(value, after.get(name).unwrap_or(&Value::Null), replaced, &format!("{at}/{name}"), found);
                }
            }
        }
        (Value::Array(elements), Value::Array(after)) => {
            let mut rest = after.iter();
            for (index, element) in elements.iter().enumerate() {
                let at = format!("{at}/{index}");
                if !is_touched(element) {
                    if !rest.any(|after| after == element) {
                        found.push(at);
                    }
                } else if elements.len() == after.len() {
                    lost(element, &after[index], replaced, &at, found);
                }
            }
        }
        (value, after) if value != after && !is_touched(value) => found.push(at.to_owned()),
        _ => {}
    }
}

/// Whether a value comes from the replaced member: it is a part of it, or contains it as a line.
fn is_from(value: &Value, replaced: &[Value]) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
    let value = text(value);
    replaced.iter().map(text).any(|old| old.contains(&value) || value.lines().any(|line| line == old))
}

/// Whether a lost part depends on the replaced member indirectly.
fn depends_on(sample: &Sample, at: &str, odd: &Value, lost: &str) -> bool {
    match (sample.platform, at) {
        // It is moved to `body`.
        _ if sample.is(BOTH_FORMS) && lost == "/content/0/template/text" => true,
        // The type of the customer's address is that of the channel.
        (PlatformName::MulticloudCx, "/channel/type") => lost == "/to/idType",
        // A part of another type is not part of the email's text.
        (PlatformName::MulticloudCx, "/content/0/type" | "/content/1/type") => *odd == json!("5"),
        // The direction determines sender and recipient.
        (PlatformName::HighLevel, "/direction") if lost != "/messageId" => {
            ["/direction", "/from", "/to"].contains(&lost)
        }
        // The id is the digest of the body.
        (PlatformName::HighLevel, _) => lost == "/messageId" && sample.body.get("messageId").is_none(),
        _ => false,
    }
}

#[test]
fn an_unexpected_value_affects_only_its_own_member() {
    let (mut cases, mut failures) = (0, Vec::new());
    for sample in samples() {
        let before = sample.normalized(&sample.body).unwrap();
        let mut places = Vec::new();
        pointers(&sample.body, "", &mut places);
        for at in places {
            let mut replaced = Vec::new();
            scalars(sample.body.pointer(&at).unwrap(), &mut replaced);
            for odd in unexpected_values() {
                cases += 1;
                let mut body = sample.body.clone();
                *body.pointer_mut(&at).unwrap() = odd.clone();
                let Some(after) = sample.normalized(&body) else {
                    if !may_be_rejected(&sample, &at, &odd) {
                        failures.push(format!("{} {at} = {odd}: the message", sample.name));
                    }
                    continue;
                };
                if fallback_text::is_missing(&after) {
                    failures.push(format!("{} {at} = {odd}: fallbackText", sample.name));
                }
                if before["kind"] != after["kind"] {
                    if !may_change_kind(&sample, &at, &odd) {
                        failures.push(format!("{} {at} = {odd}: the kind", sample.name));
                    }
                    continue;
                }
                let mut missing = Vec::new();
                lost(&before, &after, &replaced, "", &mut missing);
                missing.retain(|lost| !depends_on(&sample, &at, &odd, lost));
                failures.extend(missing.iter().map(|lost| format!("{} {at} = {odd}: {lost}", sample.name)));
                let of_text = fallback_text::failures(&sample, &at, &odd, &before, &after);
                failures.extend(of_text.iter().map(|failure| format!("{} {at} = {odd}: {failure}", sample.name)));
                if sample.platform == PlatformName::GenesysCloud
                    && at.starts_with("/content/")
                    && !sample.is(BOTH_FORMS)
                {
                    failures.extend(content_failure(&sample, &at, &odd, &before, &after));
                }
            }
        }
    }
    assert!(cases > 5_000, "{cases}");
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n"));
}

/// In `content[]`, every unexpected value is kept, except a `null` element and the content type.
fn content_failure(sample: &Sample, at: &str, odd: &Value, before: &Value, after: &Value) -> Option<String> {
    let is_element = at.matches('/').count() == 2;
    if at.ends_with("/contentType") || is_element && odd.is_null() {
        return None;
    }
    let mut expected = Map::new();
    expected.insert("content".to_owned(), before["content"].clone());
    let mut expected = Value::Object(expected);
    // The flat format of a template is converted to the documented one.
    let pointer = expected.pointer_mut(at).is_some().then(|| at.to_owned());
    let pointer = pointer.unwrap_or_else(|| at.replace("/template/", "/template/body/"));
    *expected.pointer_mut(&pointer)? = odd.clone();
    let is_kept = expected["content"] == after["content"];
    (!is_kept).then(|| format!("{} {at} = {odd}: content[] is {}", sample.name, after["content"]))
}

/// The messaging service and the ledger deduplicate by these ids, so an upgrade must not change them.
#[test]
fn deduplication_ids_are_the_same_in_every_version() {
    let acme: IntegrationName = "acme".parse().unwrap();
    for (name, id) in DEDUPLICATION_IDS {
        let (folder, _) = name.rsplit_once('/').unwrap();
        let (_, text) = fixtures(folder).into_iter().find(|(found, _)| *found == name).unwrap();
        let platform = match name.split('/').next().unwrap() {
            "genesys-cloud" => PlatformName::GenesysCloud,
            "multicloud-cx" => PlatformName::MulticloudCx,
            "highlevel" => PlatformName::HighLevel,
            other => panic!("no platform has the samples {other}"),
        };
        assert_eq!(id, platform.parse_message(text.as_bytes()).unwrap().deduplication_id(&acme).as_str(), "{name}");
    }
}

#[rustfmt::skip]
const DEDUPLICATION_IDS: [(&str, &str); 37] = [
    ("genesys-cloud/documentation/media", "ee76ec0e0af00123e0745382071864fb9fb74b920e72ec9118886f82d930ee83"),
    ("genesys-cloud/documentation/template", "1dd4720989c8a347211bddd38bef0d30d5ba0735a3cb7c743094ad432ab95a8c"),
    ("genesys-cloud/documentation/text", "ee76ec0e0af00123e0745382071864fb9fb74b920e72ec9118886f82d930ee83"),
    ("genesys-cloud/documentation/typing", "5080c948c6808c377f885afc40256c62a83dccd1065fe004b329ef41a802e5b5"),
    ("genesys-cloud/wire/card", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/carousel", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/date-picker", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/media", "ff57ce1dd708695e1b5123fdc498d15df22bfaf4c1434f31fca1e6544b8d4bb7"),
    ("genesys-cloud/wire/quick-replies-v2", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/quick-replies", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/receipt-failed", "9cf263b5045e8e175225144cfdef58c5b3beacd6bb1223d14fcdf3315b2c179e"),
    ("genesys-cloud/wire/receipt", "3192be3ddcf992705c80f38de3bb2ab50af9982208e06b37b3e4d01bf9aa58a5"),
    ("genesys-cloud/wire/template", "9090010b0bb8f48de9767eb6b608ca83dc0c9935f3cbab2bac11e3162e3d513f"),
    ("genesys-cloud/wire/text", "ff57ce1dd708695e1b5123fdc498d15df22bfaf4c1434f31fca1e6544b8d4bb7"),
    ("genesys-cloud/wire/typing", "276e29623ebd6f51cb13fa3191f0542128a211fb3734957fc5d9badd78a9590b"),
    ("highlevel/documentation/call", "3289026843a8b67df1dd35c65dfd282d1b1215b76b062bfb0ab73398322a2eb7"),
    ("highlevel/documentation/email", "a1dac633ba0a295d5042237f235d1d510e361295e6b76f1fedc1f73ec9137c62"),
    ("highlevel/documentation/message", "daca52126a4d89fa3c88a77ed9e81e593dda08eb8fb85e2e0f5b69e2aaf74d6f"),
    ("highlevel/documentation/voicemail", "f239be50b88c12c34a23e138061a3a82f806a54e7225c3988e93113a192388c6"),
    ("highlevel/wire/call", "158ddd313ddaca7a4bfd46f92cc387e243f4f458f7ed52f679e1ebde3aa6b5ee"),
    ("highlevel/wire/custom-email", "d1a30137f3c8c93414467029247558df68133ff24c9bb2d06abb04cd8b345b54"),
    ("highlevel/wire/email", "51db02ae33b70eae3e9d88d7c970d1ebed0978768cb4fdfbbf532c96c79f503c"),
    ("highlevel/wire/failed", "d1a30137f3c8c93414467029247558df68133ff24c9bb2d06abb04cd8b345b54"),
    ("highlevel/wire/failed-retry", "d1a30137f3c8c93414467029247558df68133ff24c9bb2d06abb04cd8b345b54"),
    ("highlevel/wire/live-chat", "d1a30137f3c8c93414467029247558df68133ff24c9bb2d06abb04cd8b345b54"),
    ("highlevel/wire/provider-custom-email", "7be8fd1ed12dc69b4d8ffb72cefd0b1fbe2994044ac4cab315f35c4911bd022f"),
    ("highlevel/wire/provider-email-copies", "d586af80eb90f6a633faf93b0631515cdfa51cc3c95d94b8225a2f1d3046bc4e"),
    ("highlevel/wire/provider-reply", "7be8fd1ed12dc69b4d8ffb72cefd0b1fbe2994044ac4cab315f35c4911bd022f"),
    ("highlevel/wire/provider-email", "d586af80eb90f6a633faf93b0631515cdfa51cc3c95d94b8225a2f1d3046bc4e"),
    ("highlevel/wire/provider-sms", "7be8fd1ed12dc69b4d8ffb72cefd0b1fbe2994044ac4cab315f35c4911bd022f"),
    ("highlevel/wire/sms", "d1a30137f3c8c93414467029247558df68133ff24c9bb2d06abb04cd8b345b54"),
    ("highlevel/wire/voicemail", "19121615f0b47c98b308c04767a7a2cfe984cc22eadc8f2944b2727feb945c46"),
    ("multicloud-cx/email", "a6aabceaebccf72578cf4799b54da8211ff2222d72ce09db468e484049410587"),
    ("multicloud-cx/receipt", "270c86763b0330a7425218204c35ecc96a9f131d6d75dad63aa5b854b20dea49"),
    ("multicloud-cx/rich-media", "eedb076d042f44b7ac17c034b9f24f66fefaaea3a9742dc315e6846592b7c5a4"),
    ("multicloud-cx/sms", "3b56698bac9b84fc9601001b2cbe9b860668cce9624cdc47696ca9ee9de060bf"),
    ("multicloud-cx/unknown-type", "bebe9debd6eb5010ac671f665079c1902a9c6cbeb91352c9c5d669d8223f7a17"),
];
