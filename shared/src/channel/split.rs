//! Splits a text that is too long for one message.

use crate::limits::floor_grapheme_boundary;

/// The parts of `text`, each of at most `maximum` units by `length`: at a paragraph, else a line, a sentence, a space, and
/// only then between two characters. No part begins or ends with white space.
pub(super) fn split(text: &str, maximum: usize, length: impl Fn(char) -> usize) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let end = fitting(rest, maximum, &length);
        let at = if end == rest.len() { end } else { boundary(rest, end) };
        let (part, after) = rest.split_at(at);
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    parts
}

/// How many bytes of `text` fit; at least one character.
fn fitting(text: &str, maximum: usize, length: &impl Fn(char) -> usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += length(character);
        if used > maximum && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The best place to split at or before `end`, which is within the text.
fn boundary(text: &str, end: usize) -> usize {
    let (head, after) = text.split_at(end);
    // A part of less than half the length would make more messages.
    let late = |at: &usize| *at > end / 2;
    let starts_with_space = after.starts_with(char::is_whitespace);
    let paragraph = head.rfind("\n\n").filter(late);
    let line = || head.rfind('\n').filter(late);
    let sentence = || {
        let ends = head.char_indices().filter(|(_, character)| matches!(character, '.' | '!' | '?' | '…' | '。'));
        let is_end = |at: &usize| {
            let next = text.get(*at..).and_then(|rest| rest.chars().next());
            next.is_some_and(|next| next.is_whitespace() || head.get(..*at).is_some_and(|head| head.ends_with('。')))
        };
        ends.map(|(at, character)| at + character.len_utf8()).rfind(is_end).filter(late)
    };
    let space = || if starts_with_space { Some(end) } else { head.rfind(char::is_whitespace).filter(|at| *at > 0) };
    paragraph.or_else(line).or_else(sentence).or_else(space).unwrap_or_else(|| floor_grapheme_boundary(text, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, maximum: usize) -> Vec<&str> {
        split(text, maximum, |_| 1)
    }

    #[test]
    fn a_text_that_fits_is_one_part_and_a_blank_one_is_none() {
        assert_eq!(vec!["abc"], parts(" abc\n", 3));
        assert!(parts(" \n ", 3).is_empty());
    }

    #[test]
    fn a_text_is_split_at_the_best_place() {
        assert_eq!(vec!["One. Two.", "Three four"], parts("One. Two.\n\nThree four", 14));
        assert_eq!(vec!["One. Two.", "Three four"], parts("One. Two. Three four", 14));
        assert_eq!(vec!["one two three", "four"], parts("one two three four", 14));
        assert_eq!(vec!["onetwothreefou", "rfive"], parts("onetwothreefourfive", 14));
    }

    #[test]
    fn no_character_is_split_as_people_see_it() {
        let family = "👨‍👩‍👧";
        assert_eq!(vec![family, family], parts(&family.repeat(2), 7));
        assert_eq!(vec!["🇩🇪", "🇩🇪"], parts("🇩🇪🇩🇪", 3));
        assert_eq!(vec!["e\u{301}", "e\u{301}"], parts("e\u{301}e\u{301}", 3));
        assert_eq!(vec!["👍🏽", "👍🏽"], parts("👍🏽👍🏽", 3));
        // Longer than a message: there is no better place.
        assert_eq!(2, parts(&format!("a{}", "\u{301}".repeat(5)), 4).len());
    }

    #[test]
    fn two_thousand_emoji_are_split_by_the_channels_own_count() {
        let text = "🙂".repeat(2_000);
        assert_eq!(vec![1_600, 400], parts(&text, 1_600).iter().map(|part| part.chars().count()).collect::<Vec<_>>());
        let by_units = split(&text, 1_600, char::len_utf16);
        assert_eq!(vec![800, 800, 400], by_units.iter().map(|part| part.chars().count()).collect::<Vec<_>>());
    }
}
