//! What the functions' log lines have, read from the sources: the names of the fields, and the texts in the code.

use crate::spec::documents::root;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;

/// The macros that write a line, or begin a span whose fields its lines have.
const MACROS: [&str; 7] = ["trace", "debug", "info", "warn", "error", "log_at", "error_span"];
/// The fields of every line, and that of a text without a name.
const ALWAYS: [&str; 4] = ["timestamp", "level", "target", "message"];

#[derive(Debug, Default)]
pub struct LogFields {
    pub fields: BTreeSet<String>,
    pub texts: BTreeSet<String>,
}

impl LogFields {
    /// Of all functions and what they share.
    #[must_use]
    pub fn of_the_functions() -> Self {
        let mut found = Self { fields: ALWAYS.map(str::to_owned).into(), texts: BTreeSet::new() };
        found.read_folder(&root().join("functions"));
        found.read_folder(&root().join("shared/src"));
        found
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.read_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                self.read(&text.parse::<TokenStream>().unwrap_or_else(|error| panic!("{}: {error}", path.display())));
            }
        }
    }

    fn read(&mut self, stream: &TokenStream) {
        let tokens: Vec<_> = stream.clone().into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let before = |distance: usize| index.checked_sub(distance).map(|at| tokens[at].to_string());
                    if before(2).as_deref() == Some("mod") && before(1).as_deref() == Some("tests") {
                        continue;
                    }
                    let is_macro = before(1).as_deref() == Some("!")
                        && before(2).is_some_and(|name| MACROS.contains(&name.as_str()));
                    if is_macro && group.delimiter() == Delimiter::Parenthesis {
                        self.fields.extend(arguments(&group.stream()).iter().filter_map(|argument| field(argument)));
                    }
                    self.read(&group.stream());
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                    self.texts.extend(text.map(str::to_owned));
                }
                _ => {}
            }
        }
    }
}

/// The arguments of a macro, at its commas.
fn arguments(stream: &TokenStream) -> Vec<Vec<TokenTree>> {
    let mut arguments = vec![Vec::new()];
    for token in stream.clone() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => arguments.push(Vec::new()),
            token => arguments.last_mut().expect("one at least").push(token),
        }
    }
    arguments
}

/// The field of an argument: `name = value`, `name`, `%name` or `?name`.
fn field(argument: &[TokenTree]) -> Option<String> {
    let argument = match argument {
        [TokenTree::Punct(sigil), rest @ ..] if "%?".contains(sigil.as_char()) => rest,
        plain => plain,
    };
    match argument {
        [TokenTree::Ident(name)] => Some(name.to_string()),
        [TokenTree::Ident(name), TokenTree::Punct(equals), ..] if equals.as_char() == '=' => Some(name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_lines_and_spans_and_not_those_of_tests() {
        let code = r#"
            fn log() {
                log_at!(self.level(), %emf, outcome, reason = %error, status = s.map(|s| a(s, b = 1)), "a text");
                tracing::info!(kind, "other");
                let span = error_span!("name", request_id = id(), trace_id = Empty);
                format!(neither, nor = 1);
            }
            mod tests { fn log() { info!(tested); } }
        "#;
        let mut found = LogFields::default();
        found.read(&code.parse().unwrap());
        let fields = ["emf", "kind", "outcome", "reason", "request_id", "status", "trace_id"];
        assert_eq!(BTreeSet::from(fields.map(str::to_owned)), found.fields);
        assert!(found.texts.contains("a text") && found.texts.contains("other"));
    }
}
