//! What one file imports: its `use` lines, and the paths that are written out in its code.
//!
//! The file is read as tokens. Comments are none, documentation is a literal, and a macro's body is read like any other
//! code, which a syntax tree would leave unread. Code that is compiled for tests alone is left out.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

/// One path, as it is written: `super::a::B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) line: usize,
    /// The modules of the file itself around it, the outermost first: `mod a { … }`.
    pub(crate) inside: Vec<String>,
    pub(crate) segments: Vec<String>,
    /// Whether it takes everything that is there: `a::*`.
    pub(crate) glob: bool,
}

/// One file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) paths: Vec<Path>,
    /// What its `use` lines give a name to, by the modules around the line and the name.
    pub(crate) names: HashMap<(Vec<String>, String), Vec<String>>,
    /// The modules in files of their own that are compiled for tests alone: `#[cfg(test)] mod a;`.
    pub(crate) for_tests: BTreeSet<String>,
}

impl Source {
    /// Reads a file.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut source = Self::default();
        source.walk(&tokens(text)?, &[]);
        Ok(source)
    }

    fn walk(&mut self, mut tokens: &[Token], inside: &[String]) {
        while let [first, after @ ..] = tokens {
            tokens = match (first, after) {
                (Token::Punct('#'), [Token::Group(Delimiter::Bracket, attribute), after @ ..]) => {
                    if is_for_tests(attribute) {
                        let (item, after) = split_item(after);
                        self.for_tests.extend(declared_module(item).map(str::to_owned));
                        after
                    } else {
                        self.attribute(attribute, inside);
                        after
                    }
                }
                // `pub(in crate::a)` says who may use an item, and imports nothing.
                (pub_, [Token::Group(Delimiter::Parenthesis, _), after @ ..]) if pub_.is("pub") => after,
                (mod_, [Token::Path(name, _), Token::Group(Delimiter::Brace, body), after @ ..]) if mod_.is("mod") => {
                    self.walk(body, &[inside, name].concat());
                    after
                }
                // Behind `impl Trait +` it says which lifetimes are captured.
                (use_, [Token::Punct('<'), ..]) if use_.is("use") => after,
                (use_, _) if use_.is("use") => {
                    let end = after.iter().position(|token| *token == Token::Punct(';')).unwrap_or(after.len());
                    let (tree, after) = after.split_at(end);
                    self.import(tree, &[], inside);
                    after
                }
                (Token::Path(segments, line), _) if segments.len() > 1 => {
                    self.add(segments.clone(), *line, inside, false);
                    after
                }
                (Token::Group(_, body), _) => {
                    self.walk(body, inside);
                    after
                }
                _ => after,
            };
        }
    }

    /// An attribute's paths, those in its literals too: `#[serde(with = "crate::a")]`.
    fn attribute(&mut self, attribute: &[Token], inside: &[String]) {
        if attribute.first().is_some_and(|name| name.is("doc")) {
            return;
        }
        self.walk(attribute, inside);
        for token in attribute {
            match token {
                Token::Group(_, body) => self.attribute(body, inside),
                Token::Literal(text, line) => {
                    for token in tokens(text.trim_matches('"')).unwrap_or_default() {
                        if let Token::Path(segments, _) = token
                            && segments.len() > 1
                        {
                            self.add(segments, *line, inside, false);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// What stands between `use` and `;`, or between two commas of a list in it.
    fn import(&mut self, tree: &[Token], prefix: &[String], inside: &[String]) {
        let (path, line, after) = match tree {
            [Token::Path(segments, line), after @ ..] => ([prefix, segments].concat(), *line, after),
            other => (prefix.to_vec(), 0, other),
        };
        match after {
            [] | [_, Token::Path(..)] => {
                let path = match path.as_slice() {
                    [module @ .., last] if last == "self" && !module.is_empty() => module.to_vec(),
                    _ => path,
                };
                let given = match after {
                    [_, Token::Path(given, _)] => given.last(),
                    _ => path.last(),
                };
                if let Some(name) = given {
                    self.names.insert((inside.to_vec(), name.clone()), path.clone());
                }
                self.add(path, line, inside, false);
            }
            [.., Token::Group(Delimiter::Brace, list)] => {
                for tree in list.split(|token| *token == Token::Punct(',')).filter(|tree| !tree.is_empty()) {
                    self.import(tree, &path, inside);
                }
            }
            _ => self.add(path, line, inside, true),
        }
    }

    fn add(&mut self, segments: Vec<String>, line: usize, inside: &[String], glob: bool) {
        self.paths.push(Path { line, inside: inside.to_vec(), segments, glob });
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Words joined by `::`, and the line of the last; most are a single word. One that begins with `::` or a macro's variable
    /// has an empty first word: it leads to none of our modules that could be known here.
    Path(Vec<String>, usize),
    Separator,
    Punct(char),
    Literal(String, usize),
    Group(Delimiter, Vec<Self>),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Path(segments, _) if segments.as_slice() == [word])
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    TokenStream::from_str(text).map(joined).map_err(|error| error.to_string())
}

fn joined(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut colon = false;
    for token in stream {
        let line = token.span().start().line;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ':' && colon => {
                colon = false;
                tokens.push(Token::Separator);
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
                colon = true;
                continue;
            }
            TokenTree::Punct(punct) => tokens.push(Token::Punct(punct.as_char())),
            TokenTree::Literal(literal) => tokens.push(Token::Literal(literal.to_string(), line)),
            TokenTree::Group(group) => tokens.push(Token::Group(group.delimiter(), joined(group.stream()))),
            TokenTree::Ident(ident) => {
                let word = ident.to_string().trim_start_matches("r#").to_owned();
                push_word(&mut tokens, word, line);
            }
        }
    }
    tokens
}

fn push_word(tokens: &mut Vec<Token>, word: String, line: usize) {
    match tokens.as_mut_slice() {
        [.., Token::Path(segments, last), Token::Separator] if segments.as_slice() != ["use"] => {
            segments.push(word);
            *last = line;
            tokens.pop();
        }
        [.., Token::Separator] => {
            tokens.pop();
            tokens.push(Token::Path(vec![String::new(), word], line));
        }
        [.., Token::Punct('$')] if word != "crate" => tokens.push(Token::Path(vec![String::new(), word], line)),
        _ => tokens.push(Token::Path(vec![word], line)),
    }
}

/// Whether an attribute says that its item is compiled for tests alone.
fn is_for_tests(attribute: &[Token]) -> bool {
    let [cfg, Token::Group(Delimiter::Parenthesis, condition)] = attribute else { return false };
    cfg.is("cfg")
        && match condition.as_slice() {
            [test] => test.is("test"),
            [all, Token::Group(_, conditions)] => all.is("all") && conditions.iter().any(|token| token.is("test")),
            _ => false,
        }
}

/// The item at the beginning, and what follows it. Where that is not an item but a field or a statement, too little is taken
/// rather than too much: what is left is read like all other code.
fn split_item(tokens: &[Token]) -> (&[Token], &[Token]) {
    let is_one_of = |token: &Token, words: &[&str]| words.iter().any(|word| token.is(word));
    let keywords = ["fn", "impl", "struct", "enum", "mod", "trait", "use", "const", "static", "type"];
    // In front of it stand visibility and further attributes.
    let head = tokens.iter().take(8).take_while(|token| !matches!(token, Token::Group(Delimiter::Brace, _)));
    let keyword = head.enumerate().find(|(_, token)| is_one_of(token, &keywords)).map(|(place, _)| place);
    let is_item = keyword.is_some();
    let ends_at_brace = match keyword.and_then(|place| tokens.get(place..)) {
        Some([const_, next, ..]) if const_.is("const") => is_one_of(next, &["fn", "unsafe", "async", "extern"]),
        Some([word, ..]) => !is_one_of(word, &["use", "static", "type"]),
        _ => true,
    };
    let end = tokens.iter().position(|token| match token {
        Token::Punct(';') => true,
        Token::Punct(',') => !is_item,
        Token::Group(Delimiter::Brace, _) => ends_at_brace,
        _ => false,
    });
    tokens.split_at(end.map_or(tokens.len(), |end| end + 1))
}

fn declared_module(item: &[Token]) -> Option<&str> {
    match item {
        [.., mod_, Token::Path(name, _), Token::Punct(';')] if mod_.is("mod") => name.first().map(String::as_str),
        _ => None,
    }
}
