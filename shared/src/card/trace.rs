//! What a conversation on the platform keeps of a card that went to the messaging service: its text.
//!
//! The platform sends that text to the customer like any other, and it is the card once more. So its last line is a code,
//! made for this one text, by which the dispatcher knows it and drops it, however late it comes: once, because an agent may
//! have copied it. If the platform changed a word of it, it is delivered, and nothing is lost.

use super::{Action, Card, CardMessage};
use crate::identity::Identity;

/// Before and behind the code.
const CODE: (&str, &str) = ("[card ", "]");
/// How many digits each half of a code has: the first tells it from others, the second proves it.
const HALF: usize = 8;

/// The card as a text of at most `maximum` characters: what is shown, the buttons in brackets, and a new code.
#[must_use]
pub fn text_trace(message: &CardMessage, maximum: usize) -> String {
    let mut lines: Vec<String> = message.text.clone().into_iter().collect();
    lines.extend(message.cards.as_slice().iter().flat_map(lines_of));
    let replies = message.quick_replies.iter().map(|reply| format!("[{}]", reply.title));
    lines.extend(Some(replies.collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty()));
    let room = maximum.saturating_sub(CODE.0.len() + 2 * HALF + CODE.1.len() + 1);
    let text = shortened(lines.join("\n"), room);
    let number = half(&Identity::random());
    format!("{text}\n{}{number}{}{}", CODE.0, proof(&number, &text), CODE.1)
}

/// The code at the end of a text that [`text_trace`] made. White space does not count: platforms trim it.
#[must_use]
pub fn text_trace_code(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let (text, code) = text.strip_suffix(CODE.1)?.rsplit_once(CODE.0)?;
    let (number, given) = code.split_at_checked(HALF)?;
    (given == proof(number, text)).then_some(code)
}

fn proof(number: &str, text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    half(&Identity::of(&["text trace", number, &words.join(" ")]))
}

fn half(identity: &Identity) -> String {
    identity.as_str().chars().take(HALF).collect()
}

fn lines_of(card: &Card) -> Vec<String> {
    let buttons = card.actions.iter().map(|action| match action {
        Action::OpenUrl { title, url } => format!("[{title}: {}]", url.as_str()),
        other => format!("[{}]", other.title()),
    });
    let buttons = Some(buttons.collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty());
    Some(card.title.clone()).into_iter().chain(card.subtitle.clone()).chain(buttons).collect()
}

fn shortened(text: String, maximum: usize) -> String {
    if text.chars().count() <= maximum {
        return text;
    }
    text.chars().take(maximum.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{ButtonReply, Cards, WebAddress};

    fn card(title: &str) -> Card {
        let reply = |title: &str| ButtonReply { title: title.to_owned(), payload: "p".to_owned() };
        Card {
            title: title.to_owned(),
            subtitle: Some("Please review.".to_owned()),
            image: None,
            actions: vec![
                Action::PostBack(reply("Approve")),
                Action::ImBack(reply("Reject")),
                Action::OpenUrl { title: "Details".to_owned(), url: WebAddress("https://e.com/d".to_owned()) },
            ],
        }
    }

    #[test]
    fn a_card_reads_as_its_texts_and_its_buttons_and_a_code() {
        let message = CardMessage {
            text: Some("Hello".to_owned()),
            cards: Cards::One(Box::new(card("Invoice"))),
            quick_replies: vec![ButtonReply { title: "Later".to_owned(), payload: "l".to_owned() }],
        };
        let text = text_trace(&message, 2_000);
        let shown = "Hello\nInvoice\nPlease review.\n[Approve] [Reject] [Details: https://e.com/d]\n[Later]\n[card ";
        assert!(text.starts_with(shown), "{text}");
        assert_eq!(shown.len() + 17, text.len(), "{text}");
    }

    #[test]
    fn a_text_trace_is_known_by_its_code_and_no_other_text_has_one() {
        let of = |title: &str| {
            let card = Card { title: title.to_owned(), subtitle: None, image: None, actions: Vec::new() };
            text_trace(&CardMessage { text: None, cards: Cards::One(Box::new(card)), quick_replies: Vec::new() }, 2_000)
        };
        for title in ["t", "Your table is ready", "[card 0000000000000000]", "ä\u{1f600}\n\tb", &"long ".repeat(1_000)]
        {
            let text = of(title);
            let code = text_trace_code(&text).unwrap_or_else(|| panic!("{text}"));
            let spaced = format!("{}\r\n ", text.replace('\n', " \r\n"));
            assert_eq!(Some(code), text_trace_code(&spaced));
            assert_ne!(Some(code), text_trace_code(&of(title)), "each has its own");
            for changed in [format!("{text} And more"), format!("And {text}")] {
                assert_eq!(None, text_trace_code(&changed));
            }
        }
        for text in
            ["", "t", "[card ", "[card ]", "t\n[card 0000000000000000]", "t\n[card äääää]", "Your table is ready"]
        {
            assert_eq!(None, text_trace_code(text));
        }
    }

    #[test]
    fn a_long_card_is_cut_to_what_the_platform_takes() {
        let of = |length: usize| {
            let card = Card { title: "ä".repeat(length), subtitle: None, image: None, actions: Vec::new() };
            text_trace(&CardMessage { text: None, cards: Cards::One(Box::new(card)), quick_replies: Vec::new() }, 2_000)
        };
        let room = 2_000 - "\n[card 0000000000000000]".len();
        assert!(of(room).starts_with(&format!("{}\n[card ", "ä".repeat(room))));
        assert!(of(room + 1).starts_with(&format!("{}…\n[card ", "ä".repeat(room - 1))));
        assert_eq!((2_000, 2_000), (of(room).chars().count(), of(room + 1).chars().count()));
    }
}
