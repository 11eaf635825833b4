//! Converts HTML to plain text, for emails without a text body.
//!
//! A real HTML parser would add a dozen crates to every function, only to extract lines of text. This one reads any input,
//! valid or not, in one pass.

/// Elements whose content is not displayed.
const HIDDEN: [&str; 3] = ["script", "style", "title"];
/// Elements that start and end a line.
const LINES: [&str; 12] =
    ["address", "article", "center", "dd", "div", "dt", "footer", "header", "li", "main", "section", "tr"];
/// Elements with an empty line around them.
const PARAGRAPHS: [&str; 14] =
    ["blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"];

/// The names of the characters from U+00A0 to U+00FF, in order.
const LATIN_1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];
/// Other named characters that email clients use.
const NAMED: [(&str, char); 26] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bdquo", '„'),
    ("bull", '•'),
    ("emsp", ' '),
    ("ensp", ' '),
    ("euro", '€'),
    ("gt", '>'),
    ("hellip", '…'),
    ("larr", '←'),
    ("ldquo", '“'),
    ("lsaquo", '‹'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("minus", '−'),
    ("ndash", '–'),
    ("quot", '"'),
    ("rarr", '→'),
    ("rdquo", '”'),
    ("rsaquo", '›'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("trade", '™'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];
/// The characters that browsers substitute for the numbers 0x80 to 0x9F.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
/// Maximum length of a character reference, including the semicolon.
const MAX_REFERENCE_BYTES: usize = 12;

pub(crate) fn to_text(html: &str) -> String {
    let mut text = Text::default();
    let (mut rest, mut quotes_end) = (html, true);
    while let Some((before, markup)) = rest.split_once('<') {
        text.push(before);
        if let Some(comment) = markup.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if !markup.starts_with(|first: char| first.is_ascii_alphabetic() || "/!?".contains(first)) {
            text.put('<');
            rest = markup;
        } else {
            // An unclosed quote would make the rest of the text part of the tag. Searched only once, to stay linear.
            let end = if quotes_end { end_of_tag(markup) } else { None };
            quotes_end &= end.is_some();
            let Some((tag, after)) = end.or_else(|| markup.split_once('>')) else { return text.finish() };
            let tag = Tag::read(tag);
            text.tag(&tag);
            rest =
                if HIDDEN.contains(&tag.name.as_str()) && !tag.is_end { after_end_of(&tag.name, after) } else { after };
        }
    }
    text.push(rest);
    text.finish()
}

/// Splits at the end of a tag, which is the first `>` outside quotes.
fn end_of_tag(markup: &str) -> Option<(&str, &str)> {
    let (mut quote, mut before) = (None, ' ');
    let is_end = |character: char| {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '>' => return true,
            None if before == '=' && matches!(character, '"' | '\'') => quote = Some(character),
            None => {}
        }
        if !character.is_whitespace() {
            before = character;
        }
        false
    };
    let (tag, rest) = markup.split_at_checked(markup.find(is_end)?)?;
    Some((tag, rest.strip_prefix('>')?))
}

/// The rest after the end tag of a hidden element; empty if there is none.
fn after_end_of<'h>(name: &str, html: &'h str) -> &'h str {
    let is_end =
        |at: &usize| html.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    let end = html.match_indices("</").map(|(at, _)| at).find(is_end);
    end.and_then(|at| html.get(at..)?.split_once('>')).map_or("", |(_, after)| after)
}

struct Tag<'h> {
    /// In lower case.
    name: String,
    is_end: bool,
    attributes: &'h str,
}

impl<'h> Tag<'h> {
    fn read(tag: &'h str) -> Self {
        let (is_end, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name_ends = |character: char| character.is_whitespace() || character == '/';
        let (name, attributes) = tag.split_once(name_ends).unwrap_or((tag, ""));
        Self { name: name.to_ascii_lowercase(), is_end, attributes }
    }

    fn attribute(&self, wanted: &str) -> Option<&'h str> {
        let mut rest = self.attributes.trim_start();
        while !rest.is_empty() {
            let name_ends =
                |(at, character): &(usize, char)| *at > 0 && (character.is_whitespace() || *character == '=');
            let end = rest.char_indices().find(name_ends).map_or(rest.len(), |(at, _)| at);
            let (name, after) = rest.split_at_checked(end)?;
            let (value, after) = match after.trim_start().strip_prefix('=').map(str::trim_start) {
                None => ("", after),
                Some(value) => match value.chars().next().filter(|first| matches!(first, '"' | '\'')) {
                    Some(quote) => {
                        let quoted = value.strip_prefix(quote).unwrap_or_default();
                        quoted.split_once(quote).unwrap_or((quoted, ""))
                    }
                    None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
                },
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(value);
            }
            rest = after.trim_start();
        }
        None
    }
}

/// The text that has been written so far.
#[derive(Default)]
struct Text {
    written: String,
    /// Line breaks before the next character; two for an empty line.
    breaks: usize,
    /// Whether there is whitespace before the next character.
    space: bool,
    bullet: bool,
    preformatted: bool,
    /// The target of the link whose text is being written, and where the text starts.
    link: Option<(String, usize)>,
    /// Whether a URL has just been written.
    url: bool,
}

impl Text {
    fn tag(&mut self, tag: &Tag<'_>) {
        match tag.name.as_str() {
            "br" => self.breaks = (self.breaks + 1).min(2),
            "td" | "th" => self.space = true,
            "img" => self.push(tag.attribute("alt").unwrap_or_default()),
            "a" => {
                self.end_link();
                let target = if tag.is_end { None } else { tag.attribute("href") };
                self.link = target.map(|target| (decoded(target), self.written.len()));
            }
            name if PARAGRAPHS.contains(&name) => self.breaks = 2,
            name if LINES.contains(&name) => self.breaks = self.breaks.max(1),
            _ => {}
        }
        match tag.name.as_str() {
            "li" => self.bullet = !tag.is_end,
            "pre" => self.preformatted = !tag.is_end,
            _ => {}
        }
    }

    /// Appends the target of the link, unless its text contains it.
    fn end_link(&mut self) {
        let Some((target, start)) = self.link.take() else { return };
        let target = target.trim();
        let Some((scheme, address)) = target.split_once(':') else { return };
        let shown = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => target,
            "mailto" | "tel" => address.split_once('?').map_or(address, |(address, _)| address),
            _ => return,
        };
        let words = self.written.get(start..).unwrap_or_default().trim();
        if words.contains(shown.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/')) {
            return;
        }
        if words.is_empty() {
            shown.chars().for_each(|character| self.put(character));
        } else {
            self.written.push_str(": ");
            self.written.push_str(shown);
        }
        self.url = true;
    }

    /// Writes text with character references.
    fn push(&mut self, text: &str) {
        decoded(text).chars().for_each(|character| self.put(character));
    }

    fn put(&mut self, character: char) {
        let begins = self.written.is_empty() || self.space || self.breaks > 0;
        if self.preformatted && character == '\n' {
            self.breaks = (self.breaks + 1).min(2);
        } else if character.is_whitespace() {
            self.space = true;
        } else if !(character.is_control() || begins && is_invisible(character)) {
            if !self.written.is_empty() {
                match (self.breaks, self.space || (self.url && character.is_alphanumeric())) {
                    (0, false) => {}
                    (0, true) => self.written.push(' '),
                    (breaks, _) => self.written.extend(std::iter::repeat_n('\n', breaks)),
                }
            }
            if self.bullet {
                self.written.push_str("- ");
            }
            self.written.push(character);
            (self.breaks, self.space, self.bullet, self.url) = (0, false, false, false);
        }
    }

    fn finish(mut self) -> String {
        self.end_link();
        self.written
    }
}

/// Zero-width characters, with which emails pad their preview text.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn decoded(text: &str) -> String {
    let (mut decoded, mut rest) = (String::new(), text);
    while let Some((before, reference)) = rest.split_once('&') {
        let (character, after) = character_reference(reference).unwrap_or(('&', reference));
        decoded.push_str(before);
        decoded.push(character);
        rest = after;
    }
    decoded + rest
}

/// The character of a reference after `&`, and the rest of the text.
fn character_reference(reference: &str) -> Option<(char, &str)> {
    let end = reference.bytes().take(MAX_REFERENCE_BYTES).position(|byte| byte == b';')?;
    let (name, after) = reference.split_at_checked(end)?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            match number.ok()? {
                number @ 0x80..=0x9f => WINDOWS_1252.chars().nth(usize::try_from(number - 0x80).ok()?)?,
                number => char::from_u32(number)?,
            }
        }
        None => {
            let latin_1 = LATIN_1.into_iter().zip('\u{a0}'..='\u{ff}');
            NAMED.into_iter().chain(latin_1).find(|(known, _)| *known == name)?.1
        }
    };
    Some((character, after.strip_prefix(';')?))
}

#[cfg(test)]
mod tests;
