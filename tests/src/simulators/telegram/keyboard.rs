//! Keyboards under messages.

use super::answers::Refusal;
use serde_json::{Map, Value};
use url::Url;

const MOST_BUTTONS: usize = 100;
const MOST_IN_A_ROW: usize = 8;
/// In bytes.
const LONGEST_DATA: usize = 64;
/// In characters.
const LONGEST_PLACEHOLDER: usize = 64;

/// What a press of an inline button does; each has exactly one.
const ACTIONS: [&str; 9] = [
    "url",
    "callback_data",
    "copy_text",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "pay",
];
const KEYBOARD_MEMBERS: [&str; 6] =
    ["keyboard", "is_persistent", "resize_keyboard", "one_time_keyboard", "input_field_placeholder", "selective"];
const KEY_MEMBERS: [&str; 3] = ["text", "request_contact", "request_location"];

/// Checks a `reply_markup`.
pub(super) fn check(markup: &Value) -> Result<(), Refusal> {
    let object = markup.as_object().ok_or_else(|| wrong("object expected as reply markup"))?;
    if let Some(rows) = object.get("inline_keyboard") {
        only(object, &["inline_keyboard"])?;
        return check_rows(rows, check_button);
    }
    if let Some(rows) = object.get("keyboard") {
        only(object, &KEYBOARD_MEMBERS)?;
        let placeholder = object.get("input_field_placeholder").and_then(Value::as_str);
        if placeholder.is_some_and(|text| !(1..=LONGEST_PLACEHOLDER).contains(&text.chars().count())) {
            return Err(wrong("can't parse reply keyboard markup: the placeholder"));
        }
        return check_rows(rows, check_key);
    }
    only(object, &["remove_keyboard", "selective"])?;
    match object.get("remove_keyboard") {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(wrong("can't parse reply markup")),
    }
}

fn wrong(reason: &str) -> Refusal {
    Refusal::bad_request(reason)
}

fn only(object: &Map<String, Value>, names: &[&str]) -> Result<(), Refusal> {
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(wrong(&format!("can't parse the unexpected member {name}"))),
        None => Ok(()),
    }
}

fn check_rows(rows: &Value, check: fn(&Value) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let rows = rows.as_array().ok_or_else(|| wrong("can't parse keyboard: no array"))?;
    let mut count = 0;
    for row in rows {
        let row = row.as_array().ok_or_else(|| wrong("can't parse keyboard: a row is no array"))?;
        count += row.len();
        if row.len() > MOST_IN_A_ROW || count > MOST_BUTTONS {
            return Err(wrong("reply markup is too long"));
        }
        row.iter().try_for_each(check)?;
    }
    Ok(())
}

fn title(button: &Value) -> Option<&str> {
    button["text"].as_str().filter(|text| !text.trim().is_empty())
}

fn check_button(button: &Value) -> Result<(), Refusal> {
    let object = button.as_object().ok_or_else(|| wrong("can't parse inline keyboard button: no object"))?;
    let names: Vec<_> = ["text"].into_iter().chain(ACTIONS).collect();
    only(object, &names)?;
    if title(button).is_none() || object.len() != 2 {
        return Err(wrong("can't parse inline keyboard button: it has a text and one action"));
    }
    let data = object.get("callback_data").map(|data| data.as_str().unwrap_or_default());
    if data.is_some_and(|data| !(1..=LONGEST_DATA).contains(&data.len())) {
        return Err(wrong("BUTTON_DATA_INVALID"));
    }
    let url = object.get("url").map(|url| url.as_str().and_then(|url| Url::parse(url).ok()));
    match url {
        None => Ok(()),
        Some(Some(url)) if ["http", "https", "tg"].contains(&url.scheme()) => Ok(()),
        Some(_) => Err(wrong("BUTTON_URL_INVALID")),
    }
}

fn check_key(key: &Value) -> Result<(), Refusal> {
    if key.as_str().is_some_and(|text| !text.trim().is_empty()) {
        return Ok(());
    }
    let object = key.as_object().filter(|_| title(key).is_some());
    only(object.ok_or_else(|| wrong("can't parse keyboard button"))?, &KEY_MEMBERS)
}

/// The inline buttons of a markup, in order.
pub(super) fn buttons(markup: Option<&Value>) -> Vec<&Value> {
    let rows = markup.and_then(|markup| markup["inline_keyboard"].as_array()).into_iter().flatten();
    rows.filter_map(Value::as_array).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_inline_button_has_a_text_and_one_action() {
        let longest = format!("{}x", "€".repeat(21));
        for (button, good) in [
            (json!({"text": "Yes", "callback_data": longest}), true),
            (json!({"text": "Yes", "callback_data": "€".repeat(22)}), false),
            (json!({"text": "Yes", "callback_data": ""}), false),
            (json!({"text": "", "callback_data": "k"}), false),
            (json!({"text": "Yes"}), false),
            (json!({"text": "Yes", "callback_data": "k", "url": "https://example.com"}), false),
            (json!({"text": "Yes", "payload": "k"}), false),
            (json!({"text": "Terms", "url": "https://example.com"}), true),
            (json!({"text": "Terms", "url": "mailto:a@example.com"}), false),
            (json!({"text": "Terms", "url": "example.com"}), false),
        ] {
            assert_eq!(good, check(&json!({"inline_keyboard": [[button]]})).is_ok(), "{button}");
        }
    }

    #[test]
    fn a_keyboard_has_at_most_100_buttons_and_8_in_a_row() {
        let button = json!({"text": "Yes", "callback_data": "k"});
        let keyboard = |rows: usize, in_a_row: usize| json!({"inline_keyboard": vec![vec![&button; in_a_row]; rows]});
        for (rows, in_a_row, good) in [(100, 1, true), (101, 1, false), (1, 8, true), (1, 9, false)] {
            assert_eq!(good, check(&keyboard(rows, in_a_row)).is_ok(), "{rows} {in_a_row}");
        }
    }

    #[test]
    fn the_other_markups_are_checked_too() {
        for (markup, good) in [
            (json!({"keyboard": [["Yes", {"text": "No"}]], "resize_keyboard": true}), true),
            (json!({"keyboard": [[{"text": "Yes", "callback_data": "k"}]]}), false),
            (json!({"remove_keyboard": true}), true),
            (json!({"remove_keyboard": false}), false),
            (json!([]), false),
            (json!({}), false),
        ] {
            assert_eq!(good, check(&markup).is_ok(), "{markup}");
        }
    }
}
