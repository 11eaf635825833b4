//! What a conversation on the platform keeps of a card that went to the messaging service: its text.
//!
//! The platform sends that text to the customer like any other, and it is the card once more. So its last line is a code,
//! made for this one text, by which the dispatcher knows it and drops it, however late it comes: once, because an agent may
//! have copied it. If the platform changed a word of it, it is delivered, and nothing is lost.
//!
//! The code is keyed: who writes a text of his own cannot make one, and the code of another text is of no use to him.

use super::{Action, Card, CardMessage};
use crate::limits::shortened;
use crate::model::integration_name::IntegrationName;
use crate::signature::hmac_sha256;
use crate::signature::standard_webhooks::SigningSecret;
use data_encoding::BASE32_DNSSEC;
use hmac::Mac;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Before and behind the code.
const CODE: (&str, &str) = ("[card ", "]");
/// How many digits each half of a code has, 40 bits: the first tells it from others of the same text, the second proves
/// who made it. A guess at that costs a text to the customer.
const HALF: usize = 8;

/// What makes and proves the codes of one integration.
#[derive(Debug)]
pub struct TraceKey(SecretSlice<u8>);

impl TraceKey {
    /// The key that `secret`, with which the integration's deliveries are signed, gives for its codes.
    #[must_use]
    pub fn new(secret: &SigningSecret, integration: &IntegrationName) -> Option<Self> {
        secret.derived(&format!("text trace of {integration}")).map(Self)
    }

    /// White space does not count: platforms trim it.
    fn proof(&self, number: &str, text: &str) -> Option<String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let mac = hmac_sha256(self.0.expose_secret(), &[number.as_bytes(), b" ", words.join(" ").as_bytes()])?;
        Some(half(&mac.finalize().into_bytes()))
    }
}

/// The card as a text of at most `maximum` characters: what is shown, the buttons in brackets, and a new code, if one can
/// be made.
#[must_use]
pub fn text_trace(message: &CardMessage, maximum: usize, key: &TraceKey) -> Option<String> {
    let mut lines: Vec<String> = message.text.clone().into_iter().collect();
    lines.extend(message.cards.as_slice().iter().flat_map(lines_of));
    let replies = message.quick_replies.iter().map(|reply| format!("[{}]", reply.reply.title));
    lines.extend(Some(replies.collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty()));
    let room = maximum.saturating_sub(CODE.0.len() + 2 * HALF + CODE.1.len() + 1);
    let text = shortened(lines.join("\n"), room);
    let number = half(Uuid::new_v4().as_bytes());
    Some(format!("{text}\n{}{number}{}{}", CODE.0, key.proof(&number, &text)?, CODE.1))
}

/// What stands at the end of a text where [`text_trace`] puts its code, and may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceCode<'t> {
    text: &'t str,
    code: &'t str,
    number: &'t str,
    proof: &'t str,
}

impl<'t> TraceCode<'t> {
    /// Finds it, if the text ends like a text trace.
    #[must_use]
    pub fn find(text: &'t str) -> Option<Self> {
        let (text, code) = text.trim_end().strip_suffix(CODE.1)?.rsplit_once(CODE.0)?;
        let (number, proof) = code.split_at_checked(HALF)?;
        (proof.len() == HALF).then_some(Self { text, code, number, proof })
    }

    /// Whether it was made with `key`, and for this text.
    #[must_use]
    pub fn is_made_with(&self, key: &TraceKey) -> bool {
        key.proof(self.number, self.text)
            .is_some_and(|expected| expected.as_bytes().ct_eq(self.proof.as_bytes()).into())
    }

    /// The code itself.
    #[must_use]
    pub fn as_str(&self) -> &'t str {
        self.code
    }
}

fn half(bytes: &[u8]) -> String {
    BASE32_DNSSEC.encode(bytes).chars().take(HALF).collect()
}

fn lines_of(card: &Card) -> Vec<String> {
    let buttons = card.actions.iter().map(|action| match action {
        Action::OpenUrl { title, url } => format!("[{title}: {}]", url.as_str()),
        other => format!("[{}]", other.title()),
    });
    let buttons = Some(buttons.collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty());
    Some(card.title.clone()).into_iter().chain(card.subtitle.clone()).chain(buttons).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Identity;
    use crate::model::card::{ButtonReply, Cards, QuickReply, WebAddress};

    fn card(title: &str) -> Card {
        let reply = |title: &str| ButtonReply { title: title.to_owned(), payload: "p".to_owned() };
        Card {
            title: title.to_owned(),
            subtitle: Some("Please review.".to_owned()),
            image: None,
            video: None,
            default_action: None,
            actions: vec![
                Action::PostBack(reply("Approve")),
                Action::ImBack(reply("Reject")),
                Action::OpenUrl { title: "Details".to_owned(), url: WebAddress("https://e.com/d".to_owned()) },
            ],
        }
    }

    fn key_of(byte: u8, integration: &str) -> TraceKey {
        let secret = format!("whsec_{}", data_encoding::BASE64.encode(&[byte; 32]));
        TraceKey::new(&SigningSecret::parse(&secret).unwrap(), &integration.parse().unwrap()).unwrap()
    }

    fn key() -> TraceKey {
        key_of(1, "acme")
    }

    fn trace_of(title: &str) -> String {
        let card = Card { actions: Vec::new(), subtitle: None, ..card(title) };
        let message = CardMessage { text: None, cards: Cards::One(Box::new(card)), quick_replies: Vec::new() };
        text_trace(&message, 2_000, &key()).unwrap()
    }

    fn code_of(text: &str) -> Option<&str> {
        TraceCode::find(text).filter(|code| code.is_made_with(&key())).map(|code| code.as_str())
    }

    #[test]
    fn a_card_reads_as_its_texts_and_its_buttons_and_a_code() {
        let message = CardMessage {
            text: Some("Hello".to_owned()),
            cards: Cards::One(Box::new(card("Invoice"))),
            quick_replies: vec![QuickReply {
                reply: ButtonReply { title: "Later".to_owned(), payload: "l".to_owned() },
                image: None,
                summary_text: None,
            }],
        };
        let text = text_trace(&message, 2_000, &key()).unwrap();
        let shown = "Hello\nInvoice\nPlease review.\n[Approve] [Reject] [Details: https://e.com/d]\n[Later]\n[card ";
        assert!(text.starts_with(shown), "{text}");
        assert_eq!(shown.len() + 17, text.len(), "{text}");
    }

    #[test]
    fn a_text_trace_is_known_by_its_code_and_no_other_text_has_one() {
        for title in ["t", "Your table is ready", "[card 0000000000000000]", "ä\u{1f600}\n\tb", &"long ".repeat(1_000)]
        {
            let text = trace_of(title);
            let code = code_of(&text).unwrap_or_else(|| panic!("{text}"));
            let spaced = format!("{}\r\n ", text.replace('\n', " \r\n"));
            assert_eq!(Some(code), code_of(&spaced));
            assert_ne!(Some(code), code_of(&trace_of(title)), "each has its own");
            for changed in [format!("{text} And more"), format!("And {text}")] {
                assert_eq!(None, code_of(&changed));
            }
        }
        for text in
            ["", "t", "[card ", "[card ]", "t\n[card 0000000000000000]", "t\n[card äääää]", "Your table is ready"]
        {
            assert_eq!(None, code_of(text));
        }
    }

    #[test]
    fn a_code_counts_for_its_own_text_its_own_integration_and_its_own_secret_only() {
        let text = trace_of("Your table is ready");
        let code = TraceCode::find(&text).unwrap();
        assert!(code.is_made_with(&key()));
        assert!(!code.is_made_with(&key_of(2, "acme")) && !code.is_made_with(&key_of(1, "other")));
        let stolen = format!("Your table is gone\n[card {}]", code.as_str());
        assert_eq!(None, code_of(&stolen));
        // What an earlier version took, and anybody could make.
        let unkeyed = |text: &str| Identity::of(&["text trace", "01234567", text]).as_str()[..8].to_owned();
        assert_eq!(None, code_of(&format!("gone\n[card 01234567{}]", unkeyed("gone"))));
    }

    #[test]
    fn a_long_card_is_cut_to_what_the_platform_takes() {
        let of = |length: usize| trace_of(&"ä".repeat(length));
        let room = 2_000 - "\n[card 0000000000000000]".len();
        assert!(of(room).starts_with(&format!("{}\n[card ", "ä".repeat(room))));
        assert!(of(room + 1).starts_with(&format!("{}…\n[card ", "ä".repeat(room - 1))));
        assert_eq!((2_000, 2_000), (of(room).chars().count(), of(room + 1).chars().count()));
    }
}
