use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn repaired(body: &str) -> String {
    let repaired = normalized(body.as_bytes()).unwrap();
    let again = normalized(&repaired).unwrap();
    assert!(matches!(again, Cow::Borrowed(_)), "{body} is not fully repaired in one pass");
    String::from_utf8(repaired.into_owned()).unwrap()
}

fn is_left_alone(body: &str) -> bool {
    matches!(normalized(body.as_bytes()), Ok(Cow::Borrowed(_)))
}

#[test]
fn valid_json_is_unchanged_byte_for_byte() {
    for body in [
        "{ \"b\" : 1.0,\t\"a\":12345678901234567890123, \"c\": \"\\u00e4 ä \\ud83d\\ude00 \\\\ud800\" }",
        r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#,
        r#"[1.7976931348623157e308,-1.7976931348623157E+308,1e-400,0.1e1,5e300]"#,
        "\"\u{fffd}\u{fffc}\u{ff01}\"",
        r#"{"\u0061":1,"A":2,"":3}"#,
    ] {
        assert!(is_left_alone(body), "{body}");
    }
}

#[test]
fn half_of_a_surrogate_pair_becomes_a_replacement_character() {
    for (body, expected) in [
        (r#""\ud800""#, r#""\ufffd""#),
        (r#"{"text":"cut off \uD83D"}"#, r#"{"text":"cut off \ufffd"}"#),
        (r#""\udc00\ud800x""#, r#""\ufffd\ufffdx""#),
        (r#""\ud800\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
        (r#""\ud800\n\\\udfff""#, r#""\ufffd\n\\\ufffd""#),
        (r#"{"\ud800":1}"#, r#"{"\ufffd":1}"#),
    ] {
        assert_eq!(expected, repaired(body));
    }
}

#[test]
fn a_number_out_of_the_range_of_a_double_becomes_the_nearest_double() {
    let long = "9".repeat(400);
    for (number, expected) in [
        ("1e400", f64::MAX),
        ("-1E+999", f64::MIN),
        ("123.456e9999", f64::MAX),
        (long.as_str(), f64::MAX),
        ("1.7976931348623159e308", f64::MAX),
    ] {
        let read: Vec<f64> = serde_json::from_str(&repaired(&format!("[0, {number} ,1]"))).unwrap();
        assert_eq!(vec![0.0, expected, 1.0], read, "{number}");
    }
}

#[test]
fn of_duplicate_members_the_last_one_is_kept_however_the_name_is_escaped() {
    for (body, expected) in [
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1, "b":2 , "a" : 3}"#, r#"{"b":2 , "a" : 3}"#),
        (r#"{"a":{"a":1,"a":2},"\u0061":[{"b":1e400,"b":"\ud800"}],"c":3}"#, r#"{"\u0061":[{"b":"\ufffd"}],"c":3}"#),
        (r#"{"a":1,"a":2,"a":3}"#, r#"{"a":3}"#),
        (r#"{"\ud800":1,"\udc00":2}"#, r#"{"\ufffd":2}"#),
        (r#"[{"a":1,"a":{"x":1}},{"a":1}]"#, r#"[{"a":{"x":1}},{"a":1}]"#),
    ] {
        assert_eq!(expected, repaired(body));
    }
}

#[test]
fn characters_that_the_queue_rejects_are_escaped() {
    assert_eq!("{\"a\\ufffe\":\"\\uffff\u{fffd}\"}", repaired("{\"a\u{fffe}\":\"\u{ffff}\u{fffd}\"}"));
}

#[test]
fn invalid_json_is_not_turned_into_json() {
    for body in [r#"{"a":x,"a":1}"#, r#""\ud800"#, r#"["\ud800",]"#, "1e400.5", r#""\ud800" {}"#, r#""\u+800""#, ""] {
        assert!(is_left_alone(body), "{body}");
    }
    assert!(matches!(normalized(b"{\"a\":\"\xff\",\"a\":1}"), Ok(Cow::Borrowed(_))));
}

#[test]
fn the_limits_are_checked_first() {
    assert_eq!("is nested too deeply", normalized("[".repeat(101).as_bytes()).unwrap_err().detail);
}

/// JSON with every defect that is repaired, and with escapes of all kinds.
fn defective_json() -> impl Strategy<Value = String> {
    let string = || {
        let parts = prop::sample::select(vec![
            "a", "\\u0061", "ä", "\\\\", "\\\"", "\\ud83d", "\\ude00", "\u{fffe}", "\u{ffff}", "\u{ff01}", "u",
        ]);
        prop::collection::vec(parts, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
    };
    let number = prop::sample::select(vec!["0", "-1.5", "1e400", "-2E400", "1e308", "12345678901234567890123"]);
    let leaf = prop_oneof![string(), number.prop_map(str::to_owned), Just("null".to_owned())];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let members = prop::collection::vec((string(), inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|elements| format!("[{}]", elements.join(" ,"))),
            members.prop_map(|members| {
                let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{name} : {value}")).collect();
                format!("{{ {} }}", members.join(", "))
            }),
        ]
    })
}

/// JSON in which no object has a duplicate member.
struct Unique;

impl<'de> serde::Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Unique;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
                while list.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Unique, A::Error> {
                let mut names = std::collections::HashSet::new();
                while let Some((name, Unique)) = object.next_entry::<String, Unique>()? {
                    if !names.insert(name) {
                        return Err(serde::de::Error::custom("duplicate"));
                    }
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[test]
fn a_leading_byte_order_mark_is_removed() {
    let mark = "\u{feff}";
    for (body, expected) in [("{}", "{}"), (&format!("{mark}{{}}"), "{}"), ("", ""), (mark, "")] {
        assert_eq!(expected.as_bytes(), without_bom(body.as_bytes()));
    }
    let twice = format!("{mark}{mark}");
    assert_eq!(mark.as_bytes(), without_bom(twice.as_bytes()));
}

proptest! {
    #[test]
    fn the_result_is_strictly_valid_for_any_combination_of_defects(body in defective_json()) {
        let repaired = repaired(&body);
        prop_assert!(serde_json::from_str::<Unique>(&repaired).is_ok(), "{body} → {repaired}");
        let is_accepted_by_the_queue = !repaired.contains(['\u{fffe}', '\u{ffff}']);
        prop_assert!(is_accepted_by_the_queue);
        // `serde_json` keeps the last duplicate as well.
        if let Ok(before) = serde_json::from_str::<Value>(&body) {
            prop_assert_eq!(before, serde_json::from_str::<Value>(&repaired).unwrap());
        }
    }

    #[test]
    fn no_bytes_are_turned_into_json_and_none_cause_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let is_json = serde_json::from_slice::<&RawValue>(&body).is_ok();
        prop_assert!(is_json || matches!(normalized(&body), Err(_) | Ok(Cow::Borrowed(_))));
    }
}
