//! Repairs untrusted JSON so that all parsers accept it and read it in the same way: I-JSON (RFC 7493).
//!
//! A platform may send what the grammar of JSON allows but strict parsers reject: half of a surrogate pair (`"\ud83d"`, the
//! first half of a truncated emoji), a number out of the range of a double (`1e400`), an object with a duplicate member.
//! Rejecting such a webhook would lose it, and the messaging service would reject such a delivery. So the body is repaired
//! once, when it is accepted. The receiver, the dispatcher and the messaging service then read the same bytes, and ids that
//! are hashes are hashes of these bytes. A valid body is not changed by a single byte.

use crate::json::fields::FieldError;
use crate::json::limits;
use memchr::memchr3;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// U+FFFD, which replaces half of a surrogate pair.
const REPLACEMENT_CHARACTER: &[u8] = b"\\ufffd";
/// The largest and the smallest double, which replace numbers beyond them.
const LARGEST: &[u8] = b"1.7976931348623157e308";
const SMALLEST: &[u8] = b"-1.7976931348623157e308";
/// The first UTF-8 byte of U+F000 to U+FFFF.
const LEAD_OF_NONCHARACTERS: u8 = 0xef;
/// Shorter numbers without an exponent are always within the range of a double.
const LONG_NUMBER: usize = 300;

/// Removes a leading byte order mark. Signatures cover the body including the mark.
#[must_use]
pub fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Repairs the body where necessary:
///
/// - half of a surrogate pair becomes U+FFFD;
/// - a number out of the range of a double becomes the largest or the smallest double;
/// - of duplicate members of an object only the last one is kept;
/// - raw U+FFFE and U+FFFF, which SQS rejects, are escaped.
///
/// Invalid JSON is returned unchanged; the parser rejects it.
///
/// # Errors
/// The body is nested too deeply or has too many values.
pub fn normalized(body: &[u8]) -> Result<Cow<'_, [u8]>, FieldError> {
    limits::check(body)?;
    let edits = Scan { json: body, at: 0, open: Vec::new(), members: Vec::new(), edits: Vec::new() }.edits();
    let is_json = || serde_json::from_slice::<&RawValue>(body).is_ok();
    Ok(if edits.is_empty() || !is_json() { Cow::Borrowed(body) } else { Cow::Owned(edited(body, edits)) })
}

struct Edit {
    place: Range<usize>,
    by: &'static [u8],
}

/// An object or array that the scan is inside of.
enum Open {
    Object {
        /// Index of its first member in `Scan::members`.
        first_member: usize,
        name_is_next: bool,
    },
    List,
}

/// A member of an open object.
struct Member<'j> {
    name: Cow<'j, [u8]>,
    start: usize,
    /// Start of the next member of the same object.
    end: usize,
}

/// One pass over the bytes.
struct Scan<'j> {
    json: &'j [u8],
    at: usize,
    open: Vec<Open>,
    /// The members of all open objects, outermost first.
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

    /// Reads a string up to its closing quote.
    fn string(&mut self) {
        let (start, edits_before, mut has_escapes) = (self.at, self.edits.len(), false);
        self.at += 1;
        let next = |rest: &[u8]| {
            let is_next = |byte| matches!(byte, b'"' | b'\\' | LEAD_OF_NONCHARACTERS);
            limits::position_in_string(rest, is_next, |more| memchr3(b'"', b'\\', LEAD_OF_NONCHARACTERS, more))
        };
        while let Some(found) = next(self.rest()) {
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

    /// Records a member whose name is the string from `start` to the current position. If the name contains escapes,
    /// `edits_within` is the index of the first edit inside it.
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

    /// Length in bytes of the escape at the current position; a surrogate pair counts as one escape.
    fn escape(&mut self) -> usize {
        const LENGTH: usize = 6; // \u and four digits
        let unit = |at| code_unit(self.json.get(at..at + LENGTH)?);
        match unit(self.at) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(unit(self.at + LENGTH), Some(0xdc00..=0xdfff)) => 2 * LENGTH,
            Some(0xd800..=0xdfff) => self.replace(LENGTH, REPLACEMENT_CHARACTER),
            Some(_) => LENGTH,
        }
    }

    /// Length in bytes of the character at the current position if SQS rejects it; otherwise 1.
    fn noncharacter(&mut self) -> usize {
        match self.rest() {
            [_, 0xbf, 0xbe, ..] => self.replace(3, b"\\ufffe"),
            [_, 0xbf, 0xbf, ..] => self.replace(3, b"\\uffff"),
            _ => 1,
        }
    }

    /// Reads a number up to its last byte.
    fn number(&mut self) {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let number = self.rest().get(..length).unwrap_or_default();
        if is_out_of_range(number) {
            self.replace(length, if number.starts_with(b"-") { SMALLEST } else { LARGEST });
        }
        self.at += length.saturating_sub(1);
    }

    /// Ends an object or array. Of duplicate members all but the last are removed, each with the comma after it.
    fn close(&mut self) {
        let Some(Open::Object { first_member, .. }) = self.open.pop() else { return };
        let Some(members) = self.members.get_mut(first_member..) else { return };
        members.sort_unstable_by(|one, other| (&one.name, one.start).cmp(&(&other.name, other.start)));
        let duplicates = members.array_windows().filter(|[one, next]| one.name == next.name);
        self.edits.extend(duplicates.map(|[one, _]| Edit { place: one.start..one.end, by: b"" }));
        self.members.truncate(first_member);
    }

    /// Records that the next `length` bytes are replaced.
    fn replace(&mut self, length: usize, by: &'static [u8]) -> usize {
        self.edits.push(Edit { place: self.at..self.at + length, by });
        length
    }

    fn rest(&self) -> &[u8] {
        self.json.get(self.at..).unwrap_or_default()
    }
}

/// The code unit of an escape: `\u` and four digits.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    // `from_str_radix` would accept a sign.
    if digits.starts_with('+') { None } else { u16::from_str_radix(digits, 16).ok() }
}

/// Whether a number is out of the range of a double, for `serde_json` or for a parser that rounds exactly.
fn is_out_of_range(number: &[u8]) -> bool {
    let may_be = number.len() > LONG_NUMBER || number.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if !may_be || serde_json::from_slice::<&RawValue>(number).is_err() {
        return false;
    }
    let exact = str::from_utf8(number).ok().and_then(|number| number.parse::<f64>().ok());
    serde_json::from_slice::<f64>(number).is_err() || exact.is_some_and(f64::is_infinite)
}

/// Applies the edits. An edit inside another one is ignored.
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
mod tests;
