//! The options that a message offered to a customer, so that the answer becomes the platform's choice.

use crate::digest::Digest;
use crate::model::inbound::ChoiceType;
use crate::model::message::{Block, Line};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

/// How many bytes of a message's digest identify its offer: as many as a random id has.
const KEY_BYTES: usize = 16;

/// The options of one message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The platform's id of the message.
    pub message_id: String,
    /// The customer's address in the channel.
    pub customer: String,
    pub options: Vec<OfferedOption>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedOption {
    pub number: usize,
    pub label: String,
    pub r#type: ChoiceType,
    pub payload: String,
}

impl Offer {
    /// What an offer is [sealed](super::Sealer) as.
    pub const KIND: &str = "offer";

    /// The options of these blocks that are a choice to the platform; `None` if there are none.
    #[must_use]
    pub fn new(message_id: &str, customer: &str, blocks: &[Block]) -> Option<Self> {
        let lines = blocks.iter().flat_map(|block| &block.lines);
        let options: Vec<_> = lines
            .filter_map(|line| match line {
                Line::Option { number, label, answer: Some(answer) } => Some(OfferedOption {
                    number: *number,
                    label: label.clone(),
                    r#type: answer.r#type,
                    payload: answer.payload.clone(),
                }),
                _ => None,
            })
            .collect();
        let has_options = !options.is_empty();
        has_options.then(|| Self { message_id: message_id.to_owned(), customer: customer.to_owned(), options })
    }

    /// The option with this number.
    #[must_use]
    pub fn option(&self, number: usize) -> Option<&OfferedOption> {
        self.options.iter().find(|option| option.number == number)
    }

    /// The option that a customer's text chooses: its number (`2`, `2.`, `(2)`), or its words in any case, if
    /// no other has them.
    #[must_use]
    pub fn chosen_by(&self, text: &str) -> Option<&OfferedOption> {
        let text = text.trim();
        let digits = text.trim_matches(|letter: char| letter.is_whitespace() || "().:#".contains(letter));
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse() {
            Ok(number) if is_number => self.option(number),
            _ => {
                let mut named = self.options.iter().filter(|option| option.label.to_lowercase() == text.to_lowercase());
                named.next().filter(|_| named.next().is_none())
            }
        }
    }
}

/// Identifies the offer of a message with this digest: 22 characters.
#[must_use]
pub fn offer_key(digest: &Digest) -> String {
    let bytes = HEXLOWER.decode(digest.as_str().as_bytes()).unwrap_or_default();
    BASE64URL_NOPAD.encode(bytes.get(..KEY_BYTES).unwrap_or_default())
}

/// What a button holds: the offer's key and the option's number. At most 64 bytes, which is what channels allow.
#[must_use]
pub fn press_data(offer_key: &str, number: usize) -> String {
    format!("{offer_key}:{number}")
}

/// The offer's key and the option's number in a button's data.
#[must_use]
pub fn split_press(data: &str) -> Option<(&str, usize)> {
    let (key, number) = data.split_once(':')?;
    let is_key = BASE64URL_NOPAD.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_key && is_number).map(|number| (key, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::{Answer, Section};

    fn offer(labels: &[&str]) -> Offer {
        let options = labels.iter().zip(1..).map(|(label, number)| Line::Option {
            number,
            label: (*label).to_owned(),
            answer: Some(Answer { r#type: ChoiceType::QuickReply, payload: format!("payload {label}") }),
        });
        let blocks = [Block { section: Section::Options, lines: options.collect() }];
        Offer::new("m", "c", &blocks).unwrap()
    }

    #[test]
    fn a_number_or_the_words_of_an_option_choose_it() {
        let offer = offer(&["Yes", "Next week", "7"]);
        let chosen = |text| offer.chosen_by(text).map(|option| option.payload.as_str());
        for second in ["2", " 2. ", "(2)", "#2", "2)", "next WEEK"] {
            assert_eq!(Some("payload Next week"), chosen(second), "{second}");
        }
        for none in ["", "0", "4", "22", "-2", "2 please", "Yes!", "next", "7", "(", "."] {
            assert_eq!(None, chosen(none), "{none}");
        }
    }

    #[test]
    fn words_that_several_options_have_choose_none_and_their_numbers_do() {
        let offer = offer(&["Buy", "More", "BUY"]);
        let chosen = |text| offer.chosen_by(text).map(|option| option.number);
        assert_eq!([None, Some(1), Some(3), Some(2)], ["buy", "1", "3", "more"].map(chosen));
    }

    #[test]
    fn options_without_an_answer_are_no_offer() {
        let line = Line::Option { number: 1, label: "Yes".to_owned(), answer: None };
        let blocks = [Block { section: Section::Options, lines: vec![line, Line::Text("t".to_owned())] }];
        assert!(Offer::new("m", "c", &blocks).is_none());
    }

    #[test]
    fn the_data_of_a_button_fits_and_is_read_again() {
        let key = offer_key(&Digest::of_bytes(b"message"));
        let data = press_data(&key, 100);
        assert!(key.len() == 22 && data.len() <= 64);
        assert_eq!(Some((key.as_str(), 100)), split_press(&data));
        for other in
            ["", "1", ":1", "k:1", &format!("{key}:"), &format!("{key}:x"), &format!("{key}:+1"), &format!("{key}=:1")]
        {
            assert_eq!(None, split_press(other), "{other}");
        }
    }
}
