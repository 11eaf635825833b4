use super::*;
use crate::json::fields;
use serde_json::json;

fn read(body: Value) -> Result<CardRequest, Vec<String>> {
    fields::read(body, CardRequest::read).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn errors(body: Value) -> Vec<String> {
    read(body).err().unwrap_or_default()
}

fn card_with(action: Value) -> Value {
    json!({"to": "c", "card": {"title": "t", "actions": [action]}})
}

#[test]
fn a_card_has_a_title_and_optionally_a_text_an_image_and_buttons() {
    let body = json!({
        "to": {"id": "c", "idType": "Phone"},
        "card": {
            "type": "card", "cardType": "basic", "title": "t", "description": "d",
            "image": {"url": "https://e.com/a.png", "altText": "a"},
            "actions": [
                {"type": "postBack", "title": "1", "payload": {"b": 1}},
                {"type": "imBack", "title": "2", "payload": "two"},
                {"type": "openUrl", "title": "3", "url": "https://e.com/3"},
            ],
        },
    });
    let request = read(body).unwrap_or_else(|errors| panic!("{errors:?}"));
    let Cards::One(card) = request.message.cards else { panic!() };
    assert_eq!(Some("d"), card.subtitle.as_deref());
    assert_eq!(r#"{"b":1}"#, card.actions[0].reply().unwrap().payload);
    assert_eq!(vec!["/card/title is required"], errors(json!({"to": "c", "card": {}})));
}

#[test]
fn a_card_of_another_type_is_rejected() {
    assert_eq!(
        vec!["/card/cardType must be `basic`"],
        errors(json!({"to": "c", "card": {"title": "t", "cardType": "hero"}}))
    );
    assert_eq!(vec!["/card/type must be `card`"], errors(json!({"to": "c", "card": {"title": "t", "type": "text"}})));
}

#[test]
fn a_payload_has_at_most_2048_characters_as_it_is_sent() {
    for kind in ["postBack", "imBack"] {
        let of = |payload: Value| errors(card_with(json!({"type": kind, "title": "t", "payload": payload})));
        assert!(of("ä".repeat(2_048).into()).is_empty());
        assert_eq!(1, of("ä".repeat(2_049).into()).len());
    }
    let of = |payload: Value| errors(card_with(json!({"type": "postBack", "title": "t", "payload": payload})));
    // Its JSON has two brackets and two quotation marks in addition.
    assert!(of(json!(["x".repeat(2_044)])).is_empty());
    assert_eq!(
        vec![
            "/card/actions/0/payload must have at most 2048 characters: send an identifier, and look the rest up by it"
        ],
        of(json!(["x".repeat(2_045)]))
    );
    assert_eq!(1, of(Value::Null).len());
}

#[test]
fn a_carousel_has_one_to_ten_cards_and_no_button_twice() {
    let of = |count: usize| {
        let cards: Vec<_> = (0..count).map(|number| json!({"title": number.to_string()})).collect();
        errors(json!({"to": "c", "carousel": cards}))
    };
    assert!(of(1).is_empty() && of(2).is_empty() && of(10).is_empty());
    for count in [0, 11] {
        assert_eq!(vec!["/carousel must have 1 to 10 cards"], of(count));
    }
    let button =
        |payload: &str| json!({"title": "t", "actions": [{"type": "postBack", "title": "b", "payload": payload}]});
    assert!(errors(json!({"to": "c", "carousel": [button("1"), button("2")]})).is_empty());
    assert_eq!(
        vec!["/carousel must not have two buttons with the same title and payload"],
        errors(json!({"to": "c", "carousel": [button("1"), button("1")]}))
    );
}

#[test]
fn an_empty_list_is_ignored_if_there_is_other_content() {
    let replies = json!([{"title": "Yes"}]);
    for shown in [
        json!({"card": {"title": "t"}}),
        json!({"carousel": [{"title": "t"}]}),
        json!({"text": "Well?", "quickReplies": replies}),
        json!({"card": {"title": "t"}, "quickReplies": replies}),
    ] {
        let with = |name: Option<&str>, empty: &Value| {
            let mut body = shown.clone();
            body["to"] = "c".into();
            if let Some(name) = name {
                body[name] = empty.clone();
            }
            message(body)
        };
        let alone = with(None, &Value::Null);
        let of_a_carousel = [json!([]), json!([null]), json!({"cards": null}), json!({"cards": []}), json!({})];
        for (name, empty) in of_a_carousel
            .iter()
            .map(|empty| ("carousel", empty))
            .chain([("quickReplies", &json!([])), ("quickReplies", &json!([null, null]))])
        {
            if shown.get(name).is_none() {
                assert!(alone == with(Some(name), empty), "{shown} with {name} {empty}");
            }
        }
    }
}

#[test]
fn an_empty_list_is_an_error_if_there_is_no_other_content() {
    let of = |more: Value| {
        let mut body = json!({"to": "c", "text": "t"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        errors(body)
    };
    let (carousel, replies) = ("/carousel must have 1 to 10 cards", "/quickReplies must have at least one element");
    for empty in [json!([]), json!([null]), json!({"cards": null}), json!({})] {
        assert_eq!(vec![carousel], of(json!({ "carousel": empty })), "{empty}");
    }
    assert_eq!(vec![replies], of(json!({"quickReplies": []})));
    assert_eq!(vec![carousel], of(json!({"carousel": [], "quickReplies": []})));
    // An invalid list does not count as empty.
    assert_eq!(
        vec!["/carousel must be a list of objects", "/carousel cannot be combined with a card"],
        of(json!({"card": {"title": "t"}, "carousel": 7}))
    );
}

#[test]
fn quick_replies_need_a_card_or_a_text() {
    let replies = json!([{"title": "Yes"}, {"title": "No", "payload": {"no": true}}]);
    let request = read(json!({"to": "c", "text": "Well?", "quickReplies": replies})).unwrap_or_else(|_| panic!());
    let long = |length| errors(json!({"to": "c", "text": "t", "quickReplies": [{"title": "x".repeat(length)}]}));
    assert!(long(2_048).is_empty());
    assert_eq!(1, long(2_049).len(), "the title is the default payload");
    assert_eq!("Yes", request.message.quick_replies[0].reply.payload);
    assert!(errors(json!({"to": "c", "card": {"title": "t"}, "quickReplies": replies})).is_empty());
    assert_eq!(
        vec!["/text is required for quick replies without a card"],
        errors(json!({"to": "c", "quickReplies": replies}))
    );
    assert_eq!(
        vec!["/card is required, or a carousel or quickReplies instead"],
        errors(json!({"to": "c", "text": "t"}))
    );
}

#[test]
fn exactly_one_field_names_the_recipient() {
    let of = |name: &str, value: Value| errors(json!({name: value, "card": {"title": "t"}}));
    for (name, value) in [
        ("to", json!("c")),
        ("to", json!({"id": "c", "idType": "email"})),
        ("userId", json!("5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee")),
        ("channelId", json!("user:5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee")),
        ("email", json!("ada@example.com")),
    ] {
        assert!(of(name, value).is_empty(), "{name}");
    }
    for (name, value) in [
        ("to", json!("")),
        ("userId", json!("../admin")),
        ("userId", json!("..")),
        ("channelId", json!("5d0d331e")),
        ("channelId", json!("user:")),
        ("email", json!("ada")),
        ("email", json!("ada @example.com")),
    ] {
        assert_eq!(1, of(name, value.clone()).len(), "{name} {value}");
    }
    let both = json!({"to": "c", "email": "ada@example.com", "card": {"title": "t"}});
    assert_eq!(1, errors(both).len());
}

#[test]
fn buttons_open_web_pages_only_and_images_are_https() {
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://e.com",
        "e.com",
        " https://e.com",
        "ht\ntps://e.com",
        "https:\\\\e.com",
        "https://good.com@e.com/",
    ] {
        assert_eq!(1, errors(card_with(json!({"type": "openUrl", "title": "t", "url": url}))).len(), "{url}");
    }
    let image = |image: Value| errors(json!({"to": "c", "card": {"title": "t", "image": image}}));
    for url in ["https://e.com/a.png", "http://e.com/a.png"] {
        let expected = usize::from(!url.starts_with("https:"));
        assert_eq!((expected, expected), (image(json!({"url": url})).len(), image(json!(url)).len()), "{url}");
    }
    let expected = "/card/image must be a URL of https without a user name, or an object with `url` and `altText`";
    assert_eq!((vec![expected.to_owned()], vec![expected.to_owned()]), (image(json!(7)), image(json!("a.png"))));
    assert_eq!(
        vec!["/card/video must be a URL of https without a user name"],
        errors(json!({"to": "c", "card": {"title": "t", "video": {"url": "https://e.com/v.mp4"}}}))
    );
}

fn message(body: Value) -> CardMessage {
    read(body).unwrap_or_else(|errors| panic!("{errors:?}")).message
}

#[test]
fn a_card_in_the_platforms_normalized_format_is_the_same_card() {
    let ours = json!({
        "title": "t", "subtitle": "d", "image": {"url": "https://e.com/a.png"},
        "actions": [
            {"type": "postBack", "title": "1", "payload": "one"},
            {"type": "openUrl", "title": "2", "url": "https://e.com/2"},
        ],
    });
    let normalized = json!({
        "title": "t", "description": "d", "image": "https://e.com/a.png", "video": null, "defaultAction": null,
        "actions": [
            {"type": "Postback", "text": "1", "payload": "one", "url": null},
            {"type": "Link", "text": "2", "payload": "", "url": "https://e.com/2"},
        ],
    });
    let of = |name: &str, value: Value| message(json!({"to": "c", name: value}));
    assert!(of("card", ours.clone()) == of("card", normalized.clone()));
    let both = json!([ours, {"title": "other"}]);
    assert!(
        of("carousel", both) == of("carousel", json!({"cards": [normalized, {"title": "other", "actions": null}]}))
    );
    let replies = |reply: Value| message(json!({"to": "c", "text": "Well?", "quickReplies": [reply]}));
    let ours = replies(json!({"title": "Yes", "payload": "y"}));
    assert!(ours == replies(json!({"text": "Yes", "payload": "y", "action": "Message", "image": null})));
}

#[test]
fn a_carousel_of_one_card_is_that_card() {
    let button = json!({"type": "postBack", "title": "x", "payload": "x"});
    let card = json!({"title": "A", "actions": [button, button]});
    let alone = message(json!({"to": "c", "card": card}));
    for carousel in [json!([card]), json!([null, card]), json!({"cards": [card]})] {
        assert!(alone == message(json!({"to": "c", "carousel": carousel})), "{carousel}");
    }
}

#[test]
fn words_are_read_in_any_case_and_an_error_lists_them_all() {
    for kind in ["postback", "POSTBACK", "imback", "OpenURL", "link"] {
        let mut action = json!({"type": kind, "title": "t", "payload": "p"});
        if matches!(kind, "OpenURL" | "link") {
            action = json!({"type": kind, "title": "t", "url": "https://e.com"});
        }
        assert!(errors(card_with(action)).is_empty(), "{kind}");
    }
    assert!(errors(json!({"to": "c", "card": {"title": "t", "type": "CARD", "cardType": "Basic"}})).is_empty());
    assert_eq!(
        vec!["/card/actions/0/type must be `postBack`, `imBack`, `openUrl` or `Link`"],
        errors(card_with(json!({"type": "Unknown", "text": "t", "payload": "p", "url": "https://e.com"})))
    );
    assert_eq!(
        vec!["/quickReplies/0/action must be `Message`"],
        errors(json!({"to": "c", "text": "t", "quickReplies": [{"text": "t", "action": "Call"}]}))
    );
}

#[test]
fn both_names_of_a_member_may_be_given_only_with_the_same_value() {
    let card = |more: Value| {
        let mut card = json!({"title": "t"});
        card.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        errors(json!({"to": "c", "card": card}))
    };
    assert!(card(json!({"subtitle": "s", "description": "s"})).is_empty());
    assert_eq!(
        vec!["/card/description must be the same as `subtitle`: they are two names of one field"],
        card(json!({"subtitle": "s", "description": "d"}))
    );
    let action = |text: &str| errors(card_with(json!({"type": "imBack", "title": "t", "text": text, "payload": "p"})));
    assert!(action("t").is_empty());
    assert_eq!(
        vec!["/card/actions/0/text must be the same as `title`: they are two names of one field"],
        action("other")
    );
    assert_eq!(
        vec!["/card/actions/0/title is required, or `text` instead"],
        errors(card_with(json!({"type": "imBack", "payload": "p"})))
    );
}

#[test]
fn a_member_that_the_type_of_an_action_does_not_use_is_ignored() {
    for (kind, unused) in [
        ("Link", json!({"payload": "x"})),
        ("openUrl", json!({"payload": {"x": 1}})),
        ("Postback", json!({"url": "https://e.com/"})),
        ("postBack", json!({"url": "not a page"})),
        ("imBack", json!({"url": 7})),
    ] {
        let used =
            if unused.get("url").is_some() { json!({"payload": "p"}) } else { json!({"url": "https://e.com/1"}) };
        let action = |members: &[&Value]| {
            let mut action = json!({"type": kind, "text": "t"});
            for member in members {
                action.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
            }
            action
        };
        let places: &[&str] = if kind == "imBack" { &["actions"] } else { &["actions", "defaultAction"] };
        for place in places {
            let card = |action: Value| {
                let value = if *place == "actions" { json!([action]) } else { action };
                json!({"to": "c", "card": {"title": "t", *place: value}})
            };
            let both = message(card(action(&[&used, &unused])));
            assert!(message(card(action(&[&used]))) == both, "{kind} in {place}");
            // It does not replace the one that is used either.
            let missing = errors(card(action(&[&unused])));
            assert!(missing.len() == 1 && missing[0].ends_with(" is required"), "{missing:?}");
        }
    }
}

#[test]
fn members_that_only_the_normalized_format_supports_are_recorded() {
    let action = json!({"type": "Link", "url": "https://e.com/"});
    let card = json!({"title": "t", "video": "https://e.com/v.mp4", "defaultAction": action});
    let reply = json!({"text": "r", "image": "https://e.com/r.png", "summaryText": "s"});
    let noted = |name: &str, value: Value| {
        read(json!({"to": "c", "text": "t", name: value})).unwrap_or_else(|errors| panic!("{errors:?}")).normalized_only
    };
    assert_eq!(vec!["/card/video", "/card/defaultAction"], noted("card", card.clone()));
    let cards = json!([{"title": "t"}, card]);
    assert_eq!(vec!["/carousel/1/video", "/carousel/1/defaultAction"], noted("carousel", cards.clone()));
    let within = noted("carousel", json!({"cards": cards}));
    assert_eq!(vec!["/carousel/cards/1/video", "/carousel/cards/1/defaultAction"], within);
    assert_eq!(vec!["/quickReplies/0/image", "/quickReplies/0/summaryText"], noted("quickReplies", json!([reply])));
    assert!(noted("card", json!({"title": "t", "image": "https://e.com/a.png"})).is_empty());
}

#[test]
fn a_default_action_needs_no_title_and_cannot_be_an_im_back() {
    let of = |action: Value| json!({"to": "c", "card": {"title": "t", "defaultAction": action}});
    for action in [
        json!({"type": "Link", "url": "https://e.com/"}),
        json!({"type": "Postback", "payload": "p"}),
        json!({"type": "openUrl", "title": "t", "url": "http://e.com/"}),
        json!({"type": "postBack", "text": "t", "payload": {"p": 1}}),
    ] {
        assert!(errors(of(action.clone())).is_empty(), "{action}");
    }
    assert_eq!(
        vec!["/card/defaultAction/type must be `postBack`, `openUrl` or `Link`"],
        errors(of(json!({"type": "imBack", "title": "t", "payload": "p"})))
    );
    assert_eq!(vec!["/card/defaultAction/url is required"], errors(of(json!({"type": "Link"}))));
}

#[test]
fn a_null_or_blank_member_counts_as_absent_at_every_depth() {
    let action = json!({"type": "Link", "text": "t", "payload": null, "url": "https://e.com/"});
    let card = json!({
        "type": "card", "cardType": "basic", "title": "t", "subtitle": "s", "description": "s",
        "image": {"url": "https://e.com/a.png", "altText": "a"}, "video": "https://e.com/v.mp4",
        "defaultAction": action, "actions": [action],
    });
    let reply =
        json!({"text": "r", "payload": "p", "action": "Message", "image": "https://e.com/r.png", "summaryText": "s"});
    let body = json!({
        "to": {"id": "c", "idType": "Email"}, "userId": null, "text": "t", "card": card, "carousel": null, "quickReplies": [reply],
    });
    assert!(read(body.clone()).is_ok());
    for object in ["", "/to", "/card", "/card/image", "/card/defaultAction", "/card/actions/0", "/quickReplies/0"] {
        let members = body.pointer(object).unwrap().as_object().unwrap();
        for name in members.keys().map(String::as_str).chain(["unknown"]) {
            let with = |value: Option<Value>| {
                let mut body = body.clone();
                let members = body.pointer_mut(object).unwrap().as_object_mut().unwrap();
                members.remove(name);
                members.extend(value.map(|value| (name.to_owned(), value)));
                read(body)
            };
            let absent = with(None);
            for blank in [json!(null), json!(""), json!(" \n")] {
                assert!(absent == with(Some(blank.clone())), "{object}/{name}: {blank}");
            }
        }
    }
}
