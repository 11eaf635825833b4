//! JSON from outside in a form that every parser reads, and reads alike: I-JSON (RFC 7493).
//!
//! A platform may send what JSON's grammar allows and strict parsers refuse: half of a surrogate pair (`"\ud83d"`, the
//! first half of an emoji that was cut off), a number that no double holds (`1e400`), an object that has a member twice.
//! A webhook that is refused for it is lost, and a delivery that holds it is refused by the messaging service. So the body
//! is repaired once, where it is accepted, and the receiver, the dispatcher and the messaging service read the same bytes,
//! of which ids are hashes as well. What needs no repair stays as it is, byte for byte.

use crate::fields::Fault;
use crate::json_bounds;
use memchr::memchr3;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// U+FFFD, which takes the place of half of a surrogate pair.
const REPLACEMENT_CHARACTER: &[u8] = b"\\ufffd";
/// The largest double, which takes the place of a larger number.
const LARGEST: &[u8] = b"1.7976931348623157e308";
/// The same below zero.
const SMALLEST: &[u8] = b"-1.7976931348623157e308";
/// The first byte in UTF-8 of U+F000 to U+FFFF.
const LEAD_OF_NONCHARACTERS: u8 = 0xef;
/// Shorter numbers without an exponent are within the range of a double.
const LONG_NUMBER: usize = 300;

/// The body, repaired where it has to be:
///
/// - half of a surrogate pair becomes U+FFFD;
/// - a number beyond the range of a double becomes the largest or the smallest double;
/// - of members with the same name in one object the last one counts, and the others go;
/// - raw U+FFFE and U+FFFF, which SQS does not take, are escaped.
///
/// What is not JSON is left for the parser to refuse.
///
/// # Errors
/// The body is nested too deeply, or has too many values.
pub fn normalized(body: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    json_bounds::check(body)?;
    let edits = Scan { json: body, at: 0, open: Vec::new(), members: Vec::new(), edits: Vec::new() }.edits();
    let is_json = || serde_json::from_slice::<&RawValue>(body).is_ok();
    Ok(if edits.is_empty() || !is_json() { Cow::Borrowed(body) } else { Cow::Owned(edited(body, edits)) })
}

/// Bytes that are replaced.
struct Edit {
    place: Range<usize>,
    by: &'static [u8],
}

/// An object or a list that is open.
enum Open {
    Object {
        /// Where its own members begin in the list of members.
        first_member: usize,
        /// Whether the next string is a name.
        name_is_next: bool,
    },
    List,
}

/// A member of an object that is open.
struct Member<'j> {
    name: Cow<'j, [u8]>,
    start: usize,
    /// Where the next member of the same object begins.
    end: usize,
}

/// One pass over the bytes.
struct Scan<'j> {
    json: &'j [u8],
    at: usize,
    open: Vec<Open>,
    /// Those of all open objects, the outermost first.
    members: Vec<Member<'j>>,
    edits: Vec<Edit>,
}

impl Scan<'_> {
    fn edits(mut self) -> Vec<Edit> {
        while let Some(byte) = self.json.get(self.at) {
            match byte {
                b'"' => self.string(),
                b'-' | b'0'..=b'9' => self.number(),
                b'{' => self.open.push(Open::Object { first_member: self.members.len(), name_is_next: true }),
                b'[' => self.open.push(Open::List),
                b'}' | b']' => self.close(),
                b',' => {
                    if let Some(Open::Object { name_is_next, .. }) = self.open.last_mut() {
                        *name_is_next = true;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.edits
    }

    /// Reads a string, to its closing quote.
    fn string(&mut self) {
        let (start, edits_before, mut has_escapes) = (self.at, self.edits.len(), false);
        self.at += 1;
        while let Some(found) = memchr3(b'"', b'\\', LEAD_OF_NONCHARACTERS, self.rest()) {
            self.at += found;
            self.at += match self.json.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()
                }
                _ => self.noncharacter(),
            };
        }
        if let Some(Open::Object { first_member, name_is_next }) = self.open.last_mut()
            && std::mem::take(name_is_next)
        {
            let first_member = *first_member;
            self.name(start, first_member, has_escapes.then_some(edits_before));
        }
    }

    /// Notes a member whose name is the string from `start` to here. Where that has escapes, the edits from this index on
    /// are within it.
    fn name(&mut self, start: usize, first_member: usize, edits_within: Option<usize>) {
        let raw = self.json.get(start + 1..self.at).unwrap_or_default();
        let name = match edits_within.and_then(|first| self.edits.get(first..)) {
            None => Cow::Borrowed(raw),
            Some(edits) => {
                let moved = edits.iter().map(|Edit { place, by }| {
                    let place = place.start.saturating_sub(start)..place.end.saturating_sub(start);
                    Edit { place, by }
                });
                let written = self.json.get(start..=self.at).unwrap_or_default();
                let read = serde_json::from_slice::<String>(&edited(written, moved.collect()));
                read.map_or(Cow::Borrowed(raw), |name| Cow::Owned(name.into_bytes()))
            }
        };
        if let Some(previous) = self.members.get_mut(first_member..).and_then(<[_]>::last_mut) {
            previous.end = start;
        }
        self.members.push(Member { name, start, end: start });
    }

    /// How many bytes the escape has that begins here: both halves of a surrogate pair together.
    fn escape(&mut self) -> usize {
        const LENGTH: usize = 6; // of \u and four digits
        let unit = |at| code_unit(self.json.get(at..at + LENGTH)?);
        match unit(self.at) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(unit(self.at + LENGTH), Some(0xdc00..=0xdfff)) => 2 * LENGTH,
            Some(0xd800..=0xdfff) => self.replace(LENGTH, REPLACEMENT_CHARACTER),
            Some(_) => LENGTH,
        }
    }

    /// How many bytes the character has that begins here, if it is one that SQS does not take; else 1.
    fn noncharacter(&mut self) -> usize {
        match self.rest() {
            [_, 0xbf, 0xbe, ..] => self.replace(3, b"\\ufffe"),
            [_, 0xbf, 0xbf, ..] => self.replace(3, b"\\uffff"),
            _ => 1,
        }
    }

    /// Reads a number, to its last byte.
    fn number(&mut self) {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let number = self.rest().get(..length).unwrap_or_default();
        if is_out_of_range(number) {
            self.replace(length, if number.starts_with(b"-") { SMALLEST } else { LARGEST });
        }
        self.at += length.saturating_sub(1);
    }

    /// Ends an object or a list. All members but the last of the same name go, each with the comma behind it.
    fn close(&mut self) {
        let Some(Open::Object { first_member, .. }) = self.open.pop() else { return };
        let Some(own) = self.members.get_mut(first_member..) else { return };
        own.sort_unstable_by(|one, other| (&one.name, one.start).cmp(&(&other.name, other.start)));
        let repeated = own.array_windows().filter(|[one, next]| one.name == next.name);
        self.edits.extend(repeated.map(|[one, _]| Edit { place: one.start..one.end, by: b"" }));
        self.members.truncate(first_member);
    }

    /// Notes that so many bytes from here on are replaced.
    fn replace(&mut self, length: usize, by: &'static [u8]) -> usize {
        self.edits.push(Edit { place: self.at..self.at + length, by });
        length
    }

    fn rest(&self) -> &[u8] {
        self.json.get(self.at..).unwrap_or_default()
    }
}

/// The code unit that `\u` and four digits stand for.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    // A sign would be read as well.
    if digits.starts_with('+') { None } else { u16::from_str_radix(digits, 16).ok() }
}

/// Whether a number is beyond the range of a double, to our own parser or to one that rounds exactly.
fn is_out_of_range(number: &[u8]) -> bool {
    let may_be = number.len() > LONG_NUMBER || number.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if !may_be || serde_json::from_slice::<&RawValue>(number).is_err() {
        return false;
    }
    let exact = str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
    serde_json::from_slice::<f64>(number).is_err() || exact.is_some_and(f64::is_infinite)
}

/// The bytes with the edits made. An edit within another counts for nothing.
fn edited(json: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_unstable_by_key(|Edit { place, .. }| (place.start, std::cmp::Reverse(place.end)));
    let mut written = Vec::with_capacity(json.len());
    let mut from = 0;
    for Edit { place, by } in edits.into_iter() {
        if place.start >= from {
            written.extend_from_slice(json.get(from..place.start).unwrap_or_default());
            written.extend_from_slice(by);
            from = place.end;
        }
    }
    written.extend_from_slice(json.get(from..).unwrap_or_default());
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn repaired(body: &str) -> String {
        let repaired = normalized(body.as_bytes()).unwrap();
        let again = normalized(&repaired).unwrap();
        assert!(matches!(again, Cow::Borrowed(_)), "{body} is not repaired at once");
        String::from_utf8(repaired.into_owned()).unwrap()
    }

    fn is_left_alone(body: &str) -> bool {
        matches!(normalized(body.as_bytes()), Ok(Cow::Borrowed(_)))
    }

    #[test]
    fn what_every_parser_reads_alike_stays_byte_for_byte() {
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
    fn a_number_beyond_the_range_of_a_double_becomes_the_nearest_double() {
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
    fn of_members_with_the_same_name_the_last_one_counts_however_the_name_is_written() {
        for (body, expected) in [
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1, "b":2 , "a" : 3}"#, r#"{"b":2 , "a" : 3}"#),
            (
                r#"{"a":{"a":1,"a":2},"\u0061":[{"b":1e400,"b":"\ud800"}],"c":3}"#,
                r#"{"\u0061":[{"b":"\ufffd"}],"c":3}"#,
            ),
            (r#"{"a":1,"a":2,"a":3}"#, r#"{"a":3}"#),
            (r#"{"\ud800":1,"\udc00":2}"#, r#"{"\ufffd":2}"#),
            (r#"[{"a":1,"a":{"x":1}},{"a":1}]"#, r#"[{"a":{"x":1}},{"a":1}]"#),
        ] {
            assert_eq!(expected, repaired(body));
        }
    }

    #[test]
    fn characters_that_the_queue_does_not_take_are_escaped() {
        assert_eq!("{\"a\\ufffe\":\"\\uffff\u{fffd}\"}", repaired("{\"a\u{fffe}\":\"\u{ffff}\u{fffd}\"}"));
    }

    #[test]
    fn what_is_not_json_is_not_made_into_json() {
        for body in [r#"{"a":x,"a":1}"#, r#""\ud800"#, r#"["\ud800",]"#, "1e400.5", r#""\ud800" {}"#, r#""\u+800""#, ""]
        {
            assert!(is_left_alone(body), "{body}");
        }
        assert!(matches!(normalized(b"{\"a\":\"\xff\",\"a\":1}"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn the_bounds_hold_before_anything_else() {
        assert_eq!("is nested too deeply", normalized("[".repeat(101).as_bytes()).unwrap_err().detail);
    }

    /// JSON in which every oddity may come, and an escape of every kind.
    fn odd_json() -> impl Strategy<Value = String> {
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
                    let members: Vec<_> =
                        members.into_iter().map(|(name, value)| format!("{name} : {value}")).collect();
                    format!("{{ {} }}", members.join(", "))
                }),
            ]
        })
    }

    /// Whether no object has a member twice.
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
                            return Err(serde::de::Error::custom("twice"));
                        }
                    }
                    Ok(Unique)
                }
            }
            deserializer.deserialize_any(Visitor)
        }
    }

    proptest! {
        #[test]
        fn whatever_oddities_come_together_the_result_is_strictly_valid(body in odd_json()) {
            let repaired = repaired(&body);
            prop_assert!(serde_json::from_str::<Unique>(&repaired).is_ok(), "{body} → {repaired}");
            let is_taken_by_the_queue = !repaired.contains(['\u{fffe}', '\u{ffff}']);
            prop_assert!(is_taken_by_the_queue);
            // Our own parser lets the last one win as well.
            if let Ok(before) = serde_json::from_str::<Value>(&body) {
                prop_assert_eq!(before, serde_json::from_str::<Value>(&repaired).unwrap());
            }
        }

        #[test]
        fn no_bytes_are_made_into_json_and_none_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let is_json = serde_json::from_slice::<&RawValue>(&body).is_ok();
            prop_assert!(is_json || matches!(normalized(&body), Err(_) | Ok(Cow::Borrowed(_))));
        }
    }
}
