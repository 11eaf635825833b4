use super::*;
use serde_json::json;

fn errors(value: Value) -> Vec<String> {
    read(value, |fields| {
        let name = fields.required("name", text);
        let age = fields.optional("age", integer_in("seconds", 1..=9));
        let inner = fields.object("inner", |inner| inner.required("flag", boolean));
        let items = fields.objects("items", |item| item.required("a/b", text));
        Some((name?, age, inner?, items?))
    })
    .map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn a_valid_document_has_no_errors() {
    assert!(errors(json!({"name": "n", "inner": {"flag": true}, "items": [{"a/b": "c"}]})).is_empty());
}

#[test]
fn all_errors_are_reported_together_each_with_its_pointer() {
    let found = errors(json!({"age": 10, "inner": {"flag": "yes", "more": 1}, "items": [{}, 5], "x~y": 0}));
    assert_eq!(
        vec![
            "/name is required",
            "/age must be a whole number of seconds from 1 to 9",
            "/inner/flag must be true or false",
            "/inner/more is not a known field; known are flag",
            "/items/0/a~1b is required",
            "/items/1 must be an object",
            "/x~0y is not a known field; known are name, age, inner, items",
        ],
        found
    );
}

#[test]
fn an_id_has_at_most_512_bytes() {
    assert_eq!(Ok("é".repeat(256)), id("é".repeat(256).into()));
    assert_eq!(Err("must have at most 512 bytes".to_owned()), id("x".repeat(513).into()));
    assert_eq!(Err("must not be empty or blank".to_owned()), id(" ".into()));
}

#[test]
fn the_name_of_an_unknown_field_is_truncated_if_it_is_longer_than_an_id() {
    let found = errors(json!({"name": "n", "inner": {"flag": true}, "x".repeat(100_000): 0}));
    let [error] = found.as_slice() else { panic!("{} errors", found.len()) };
    assert!(error.contains("…(cut) is not a known field;") && error.len() < 600, "{error}");
}

#[test]
fn a_document_that_is_not_an_object_is_one_error() {
    assert_eq!(vec!["the document must be an object"], errors(json!([])));
}

#[test]
fn a_whole_number_may_be_written_as_a_float() {
    for (number, expected) in [
        (json!(5), Some(5)),
        (json!(5.0), Some(5)),
        (json!(5e2), Some(500)),
        (json!(5.5), None),
        (json!(-5.0), None),
        (json!(1e300), None),
        (json!("5"), None),
    ] {
        assert_eq!(expected, as_whole_number(&number), "{number}");
    }
    assert_eq!(Ok(5), integer_in("seconds", 1..=9)(json!(5.0)));
}

#[test]
fn a_media_type_is_two_names_and_optional_parameters() {
    let mime = media_type_with_parameters;
    assert_eq!(Ok("image/png".to_owned()), mime(json!(" Image/PNG ")));
    assert_eq!(Ok("text/plain; charset=UTF-8".to_owned()), mime(json!("TEXT/plain; charset=UTF-8")));
    for wrong in ["png", "image/", "/png", "image/p ng", "image/png\u{e4}", "a/b/c", "a/b;c\u{18}", "a/b;\u{e4}"] {
        assert!(mime(json!(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_names_its_first_invalid_element() {
    assert_eq!(Err("element 1 must not be empty or blank".to_owned()), list(text)(json!(["a", "", 5])));
    assert_eq!(Err("must have at least one element".to_owned()), list(text)(json!([])));
}

/// The values that count as absent in a request.
const BLANKS: [fn() -> Value; 4] = [|| Value::Null, || json!(""), || json!("  "), || json!("\t\r\n\u{a0}")];

#[test]
fn in_a_request_a_blank_member_counts_as_absent_even_if_it_is_unknown() {
    for blank in BLANKS {
        let blank = blank();
        let document = json!({
            "name": "n", "age": blank, "inner": {"flag": true, "more": blank}, "items": blank, "of a later version": blank,
        });
        assert!(errors(document).is_empty(), "{blank}");
        assert_eq!(
            vec!["/name is required", "/inner/flag is required", "/items/0/a~1b is required"],
            errors(json!({"name": blank, "inner": {"flag": blank}, "items": [{"a/b": blank}]})),
            "{blank}"
        );
        assert_eq!(vec!["/inner is required"], errors(json!({"name": "n", "inner": blank})));
        let has = read(json!({"a": blank, "b": 0}), |fields| {
            Some([fields.has("a"), fields.has("b")]).filter(|_| {
                fields.optional("b", Ok);
                true
            })
        });
        assert_eq!(Ok([false, true]), has, "{blank}");
    }
}

#[test]
fn a_null_element_of_a_list_of_objects_is_skipped_and_the_others_keep_their_indices() {
    assert!(errors(json!({"name": "n", "inner": {"flag": true}, "items": [null, {"a/b": "c"}, null]})).is_empty());
    assert_eq!(
        vec!["/items/1/a~1b is required", "/items/2 must be an object"],
        errors(json!({"name": "n", "inner": {"flag": true}, "items": [null, {}, ""]}))
    );
}

#[test]
fn in_a_configuration_a_blank_member_is_an_error() {
    let read = |value| {
        read_configuration(value, |fields| Some((fields.optional("a", text), fields.objects("b", |_| Some(())))))
    };
    assert!(read(json!({})).is_ok());
    for blank in BLANKS {
        assert!(read(json!({"a": blank()})).is_err() && read(json!({"b": blank()})).is_err());
        assert!(read(json!({"unknown": blank()})).is_err() && read(json!({"b": [blank()]})).is_err());
    }
}

#[test]
fn a_map_of_texts_accepts_numbers_and_booleans_and_skips_null() {
    let texts = |value| {
        read(json!({ "map": value }), |fields| fields.texts("map"))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let given = json!({
        "text": "t", "blank": "", "null": null, "yes": true, "no": false, "whole": 42, "negative": -7, "with a point": 42.0,
        "large": u64::MAX, "fraction": 0.25, "negative with a point": -7.0,
    });
    let expected = json!({
        "text": "t", "blank": "", "yes": "true", "no": "false", "whole": "42", "negative": "-7", "with a point": "42",
        "large": "18446744073709551615", "fraction": "0.25", "negative with a point": "-7",
    });
    assert_eq!(expected, json!(texts(given).unwrap()));
    for absent in [Value::Null, json!(""), json!({})] {
        assert_eq!(Ok(BTreeMap::new()), texts(absent));
    }
    assert_eq!(
        Err(vec![
            "/map/a must be a string, a number, true or false".to_owned(),
            "/map/c~1d must be a string, a number, true or false".to_owned(),
        ]),
        texts(json!({"a": {}, "b": 1, "c/d": ["x"]}))
    );
    for wrong in [json!("a"), json!([]), json!(5)] {
        let detail = "/map must be an object whose values are strings, numbers or booleans";
        assert_eq!(Err(vec![detail.to_owned()]), texts(wrong));
    }
}

#[test]
fn one_of_a_few_words_is_read_in_any_case_and_an_error_names_all_of_them() {
    let words = [("Red", 1), ("Green", 2), ("verde", 2)];
    for (word, expected) in [("Red", 1), ("rED", 1), (" green ", 2), ("VERDE", 2)] {
        assert_eq!(Ok(expected), one_of(&words)(json!(word)));
    }
    for wrong in [json!("blue"), json!("re d"), json!(1), json!(["Red"])] {
        assert_eq!(Err("must be `Red`, `Green` or `verde`".to_owned()), one_of(&words)(wrong));
    }
    assert_eq!(Err("must be `Red`".to_owned()), one_of(&[("Red", ())])(json!("blue")));
}

/// Asserts that a blank member counts as absent: `body` is a request with all its members, and each of them is made blank in
/// turn, except below the pointers in `free`, where any value is kept.
pub(crate) fn blank_is_absent<T: PartialEq>(
    body: &Value,
    free: &[&str],
    read: impl Fn(Value) -> Result<T, Vec<FieldError>>,
) {
    fn objects(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
        for (name, member) in value.as_object().into_iter().flatten() {
            found.push((at.to_owned(), name.clone()));
            objects(member, &pointer(at, name), found);
        }
        for (index, element) in value.as_array().into_iter().flatten().enumerate() {
            objects(element, &pointer(at, &index.to_string()), found);
        }
    }
    assert!(read(body.clone()).is_ok(), "the body has an error");
    let mut members = Vec::new();
    objects(body, "", &mut members);
    for (object, name) in members.iter().filter(|(object, _)| !free.contains(&object.as_str())) {
        let with = |value: Option<Value>| {
            let mut body = body.clone();
            let object = body.pointer_mut(object).unwrap().as_object_mut().unwrap();
            object.remove(name);
            object.extend(value.map(|value| (name.clone(), value)));
            read(body)
        };
        let absent = with(None);
        for blank in BLANKS {
            let blank = blank();
            assert!(absent == with(Some(blank.clone())), "{object}/{name} {blank}");
        }
    }
}
