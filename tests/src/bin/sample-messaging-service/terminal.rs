//! The chat, as lines in the terminal.

use crate::deliveries::{customer, list, text};
use serde_json::Value;

/// The delivery as a line of a chat. Control characters are left out: a terminal would obey them.
pub(crate) fn chat_line(delivery: &Value) -> String {
    let line = match text(delivery, "/type") {
        "receipt" => {
            format!("  ✓ {} {}", text(delivery, "/data/status"), text(delivery, "/data/reasons/0/message"))
        }
        "typing" => "  … is typing".to_owned(),
        _ => format!("  {} ▸ {}", text(delivery, "/data/from/nickname"), shown(delivery)),
    };
    in_column(customer(delivery), &line)
}

/// What the customer wrote, as a line of a chat.
pub(crate) fn own_line(customer: &str, text: &str) -> String {
    in_column(customer, &format!("  ◂ {text}"))
}

fn in_column(customer: &str, line: &str) -> String {
    format!("{:<22}{line}", customer.chars().take(20).collect::<String>())
        .chars()
        .filter(|character| !character.is_control() && !turns_lines(*character))
        .collect()
}

/// Whether a terminal would break the line or turn its direction.
fn turns_lines(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What a message shows, in one line.
pub(crate) fn shown(delivery: &Value) -> String {
    let own = delivery.pointer("/data/text").and_then(Value::as_str).map(str::to_owned);
    own.into_iter().chain(list(delivery, "/data/content").iter().filter_map(part)).collect::<Vec<_>>().join("  ")
}

fn part(part: &Value) -> Option<String> {
    match text(part, "/contentType") {
        "Attachment" => Some(format!("📎 {}", text(part, "/attachment/url"))),
        "QuickReply" => Some(format!("[{}]", text(part, "/quickReply/text"))),
        "QuickReplyV2" => {
            Some(format!("{} {}", text(part, "/quickReplyV2/title"), labels(list(part, "/quickReplyV2/actions"))))
        }
        "Card" => part.get("card").map(card),
        "Carousel" => Some(list(part, "/carousel/cards").iter().map(card).collect::<Vec<_>>().join("  ")),
        "DatePicker" => Some(format!("📅 {}", text(part, "/datePicker/title"))),
        _ => None,
    }
}

fn card(card: &Value) -> String {
    format!("▭ {} {}", text(card, "/title"), labels(list(card, "/actions")))
}

fn labels(actions: &[Value]) -> String {
    actions.iter().map(|action| format!("[{}]", text(action, "/text"))).collect()
}
