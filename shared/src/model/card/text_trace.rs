//! The text trace of a card: a text that shows the card in the platform's conversation when the card itself goes to the
//! messaging service.
//!
//! The platform sends this text to the customer like any other message, which would repeat the card. So its last line is a
//! code that is unique to this text. The dispatcher recognises the code and drops the message, no matter how late it
//! arrives, but only once, because an agent may send a copy. If the platform changes a word of the text, it is delivered:
//! nothing is lost.
//!
//! The code is authenticated with a key. No one without the key can create a code, or reuse the code of another text.

use super::{Action, Card, CardMessage};
use crate::limits::truncate;
use crate::model::integration_name::IntegrationName;
use crate::signature::hmac_sha256;
use crate::signature::standard_webhooks::SigningSecret;
use data_encoding::BASE32_DNSSEC;
use hmac::Mac;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// The text before and after the code.
const DELIMITERS: (&str, &str) = ("[card ", "]");
/// The line before the code of a text that does not hold the whole card.
const SHORTENED: &str = "\n[shortened]";
/// Digits of each half of a code, 40 bits: the first half is a nonce, the second an authentication tag. A correct guess
/// would only suppress one text to the customer.
const HALF_DIGITS: usize = 8;

/// The key that creates and verifies the codes of one integration.
#[derive(Debug)]
pub struct TraceKey(SecretSlice<u8>);

impl TraceKey {
    /// Derives the key from a signing secret of the integration's deliveries.
    #[must_use]
    pub fn new(secret: &SigningSecret, integration: &IntegrationName) -> Option<Self> {
        secret.derive_key(&format!("text trace of {integration}")).map(Self)
    }

    /// The authentication tag of a text. It ignores whitespace, because platforms trim it.
    fn tag(&self, nonce: &str, text: &str) -> Option<String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let mac = hmac_sha256(self.0.expose_secret(), &[nonce.as_bytes(), b" ", words.join(" ").as_bytes()])?;
        Some(short_digest(&mac.finalize().into_bytes()))
    }
}

impl From<SecretSlice<u8>> for TraceKey {
    fn from(key: SecretSlice<u8>) -> Self {
        Self(key)
    }
}

/// A card as a text.
pub struct TextTrace {
    pub text: String,
    /// Whether the card was too long. The text then says so.
    pub is_shortened: bool,
}

/// Renders a card as a text of at most `maximum` characters: its texts, its buttons in brackets, and a new code.
#[must_use]
pub fn render_text_trace(message: &CardMessage, maximum: usize, key: &TraceKey) -> Option<TextTrace> {
    let mut lines: Vec<String> = message.text.clone().into_iter().collect();
    lines.extend(message.cards.as_slice().iter().flat_map(card_lines));
    let replies = message.quick_replies.iter().map(|reply| format!("[{}]", reply.reply.title));
    lines.extend(Some(replies.collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty()));
    let (before, after) = DELIMITERS;
    let room = maximum.saturating_sub(before.len() + 2 * HALF_DIGITS + after.len() + 1);
    let whole = lines.join("\n");
    let is_shortened = whole.chars().count() > room;
    let text = if is_shortened { truncate(whole, room.saturating_sub(SHORTENED.len())) + SHORTENED } else { whole };
    let nonce = short_digest(Uuid::new_v4().as_bytes());
    let text = format!("{text}\n{before}{nonce}{}{after}", key.tag(&nonce, &text)?);
    Some(TextTrace { text, is_shortened })
}

/// A possible code at the end of a text, not yet verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceCode<'t> {
    text: &'t str,
    code: &'t str,
    nonce: &'t str,
    tag: &'t str,
}

impl<'t> TraceCode<'t> {
    /// Finds the code of a text that ends like a text trace.
    #[must_use]
    pub fn find(text: &'t str) -> Option<Self> {
        let (before, after) = DELIMITERS;
        let (text, code) = text.trim_end().strip_suffix(after)?.rsplit_once(before)?;
        let (nonce, tag) = code.split_at_checked(HALF_DIGITS)?;
        (tag.len() == HALF_DIGITS).then_some(Self { text, code, nonce, tag })
    }

    /// Whether the code was created with `key` for this text.
    #[must_use]
    pub fn is_made_with(&self, key: &TraceKey) -> bool {
        key.tag(self.nonce, self.text).is_some_and(|expected| expected.as_bytes().ct_eq(self.tag.as_bytes()).into())
    }

    #[must_use]
    pub fn as_str(&self) -> &'t str {
        self.code
    }
}

fn short_digest(bytes: &[u8]) -> String {
    BASE32_DNSSEC.encode(bytes).chars().take(HALF_DIGITS).collect()
}

fn card_lines(card: &Card) -> Vec<String> {
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
    use crate::digest::Digest;
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
        render_text_trace(&message, 2_000, &key()).unwrap().text
    }

    fn code_of(text: &str) -> Option<&str> {
        TraceCode::find(text).filter(|code| code.is_made_with(&key())).map(|code| code.as_str())
    }

    #[test]
    fn a_card_is_rendered_as_its_texts_its_buttons_and_a_code() {
        let message = CardMessage {
            text: Some("Hello".to_owned()),
            cards: Cards::One(Box::new(card("Invoice"))),
            quick_replies: vec![QuickReply {
                reply: ButtonReply { title: "Later".to_owned(), payload: "l".to_owned() },
                image: None,
                summary_text: None,
            }],
        };
        let TextTrace { text, is_shortened } = render_text_trace(&message, 2_000, &key()).unwrap();
        assert!(!is_shortened);
        let shown = "Hello\nInvoice\nPlease review.\n[Approve] [Reject] [Details: https://e.com/d]\n[Later]\n[card ";
        assert!(text.starts_with(shown), "{text}");
        assert_eq!(shown.len() + 17, text.len(), "{text}");
    }

    #[test]
    fn a_text_trace_is_recognised_by_its_code_and_no_other_text_has_one() {
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
    fn a_code_is_only_valid_for_its_text_its_integration_and_its_secret() {
        let text = trace_of("Your table is ready");
        let code = TraceCode::find(&text).unwrap();
        assert!(code.is_made_with(&key()));
        assert!(!code.is_made_with(&key_of(2, "acme")) && !code.is_made_with(&key_of(1, "other")));
        let stolen = format!("Your table is gone\n[card {}]", code.as_str());
        assert_eq!(None, code_of(&stolen));
        // The unauthenticated code of an earlier version.
        let unkeyed = |text: &str| Digest::of_parts(&["text trace", "01234567", text]).as_str()[..8].to_owned();
        assert_eq!(None, code_of(&format!("gone\n[card 01234567{}]", unkeyed("gone"))));
    }

    #[test]
    fn a_card_that_is_too_long_is_shortened_to_the_platforms_limit_and_its_text_says_so() {
        let of = |length: usize| trace_of(&"ä".repeat(length));
        let room = 2_000 - "\n[card 0000000000000000]".len();
        assert!(of(room).starts_with(&format!("{}\n[card ", "ä".repeat(room))));
        let kept = room - "…\n[shortened]".chars().count();
        assert!(of(room + 1).starts_with(&format!("{}…\n[shortened]\n[card ", "ä".repeat(kept))));
        assert_eq!((2_000, 2_000), (of(room).chars().count(), of(room + 1).chars().count()));
    }
}
