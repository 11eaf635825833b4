//! The chat as lines in the terminal.

use crate::deliveries::{customer, text};
use serde_json::Value;

/// A delivery as a line. Control characters are removed: a terminal would interpret them.
pub(crate) fn chat_line(delivery: &Value) -> String {
    let line = match text(delivery, "/type") {
        "receipt" => {
            format!("  ✓ {} {}", text(delivery, "/data/status"), text(delivery, "/data/reasons/0/message"))
        }
        "typing" => "  … is typing".to_owned(),
        event @ ("agent.joined" | "agent.left" | "conversation.transferred" | "conversation.ended") => {
            format!("  · {event} {}", text(delivery, "/data/reason"))
        }
        _ => format!("  {} ▸ {}", text(delivery, "/data/from/nickname"), shown(delivery)),
    };
    in_column(customer(delivery), &line)
}

pub(crate) fn own_line(customer: &str, text: &str) -> String {
    in_column(customer, &format!("  ◂ {text}"))
}

fn in_column(customer: &str, line: &str) -> String {
    format!("{:<22}{line}", customer.chars().take(20).collect::<String>())
        .chars()
        .filter(|character| !character.is_control() && !turns_lines(*character))
        .collect()
}

/// Whether a terminal would break the line or change its direction.
fn turns_lines(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text of a message in one line.
pub(crate) fn shown(delivery: &Value) -> String {
    text(delivery, "/data/fallbackText").lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("  ")
}
