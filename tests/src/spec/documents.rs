//! Parses the documents of the root and the guides in `docs/`.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use crate::spec::openapi::root;

#[derive(Debug)]
pub struct Document {
    /// The path from the root.
    pub path: PathBuf,
    pub text: String,
    pub headings: Vec<String>,
    pub blocks: Vec<Block>,
    /// The targets of its links and images.
    pub links: Vec<String>,
    /// The rows of its tables, without the table headings.
    pub rows: Vec<Row>,
    /// The texts in italics.
    pub emphasised: Vec<String>,
}

/// A fenced code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The heading above it.
    pub heading: String,
    pub language: String,
    pub code: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The heading above the table.
    pub heading: String,
    pub cells: Vec<String>,
}

impl Document {
    #[must_use]
    pub fn all() -> Vec<Self> {
        let guides = std::fs::read_dir(root().join("docs")).expect("the folder of the guides");
        let mut names: Vec<_> =
            guides.map(|entry| Path::new("docs").join(entry.expect("an entry").file_name())).collect();
        names.retain(|name| name.extension().is_some_and(|extension| extension == "md"));
        names.extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"].map(PathBuf::from));
        names.sort();
        names.iter().map(Self::read).collect()
    }

    #[must_use]
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("there is no {}", path.display()));
        Self::parse(path, text)
    }

    #[must_use]
    pub fn parse(path: &Path, text: String) -> Self {
        let mut document = Self {
            path: path.to_owned(),
            text: String::new(),
            headings: Vec::new(),
            blocks: Vec::new(),
            links: Vec::new(),
            rows: Vec::new(),
            emphasised: Vec::new(),
        };
        // The text of the current heading, cell or code block, and where italics begin in it.
        let (mut words, mut italics) = (String::new(), 0);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. } | Tag::TableCell) => words.clear(),
                Event::End(TagEnd::Heading(_)) => document.headings.push(std::mem::take(&mut words)),
                Event::Start(Tag::CodeBlock(kind)) => {
                    let CodeBlockKind::Fenced(language) = kind else {
                        panic!("{}: code without a fence", path.display())
                    };
                    let heading = document.heading();
                    document.blocks.push(Block { heading, language: language.to_string(), code: String::new() });
                    words.clear();
                }
                Event::End(TagEnd::CodeBlock) => {
                    document.blocks.last_mut().expect("a block was begun").code = std::mem::take(&mut words);
                }
                Event::Start(Tag::TableRow) => {
                    let heading = document.heading();
                    document.rows.push(Row { heading, cells: Vec::new() });
                }
                Event::End(TagEnd::TableCell) => {
                    if let Some(row) = document.rows.last_mut() {
                        row.cells.push(std::mem::take(&mut words));
                    }
                }
                // A table's heading row is not kept.
                Event::Start(Tag::TableHead) => document.rows.push(Row { heading: String::new(), cells: Vec::new() }),
                Event::End(TagEnd::TableHead) => drop(document.rows.pop()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.to_string());
                }
                Event::Start(Tag::Emphasis) => italics = words.len(),
                Event::End(TagEnd::Emphasis) => document.emphasised.extend(words.get(italics..).map(str::to_owned)),
                Event::Html(html) | Event::InlineHtml(html) => {
                    let sources = html.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
                    document.links.extend(sources.map(str::to_owned));
                }
                Event::Text(text) | Event::Code(text) => words.push_str(&text),
                Event::SoftBreak | Event::HardBreak => words.push(' '),
                _ => {}
            }
        }
        Self { text, ..document }
    }

    fn heading(&self) -> String {
        self.headings.last().cloned().unwrap_or_default()
    }

    pub fn blocks_in(&self, language: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.language == language)
    }

    pub fn rows_under(&self, heading: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.heading == heading)
    }

    /// Whether it contains this word as a whole word.
    #[must_use]
    pub fn names(&self, word: &str) -> bool {
        let part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        self.text.match_indices(word).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            let after = self.text[at + word.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        })
    }

    /// The anchors of its headings, as GitHub derives them.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut anchors = Vec::new();
        for heading in &self.headings {
            let kept = heading.to_lowercase().replace(' ', "-");
            let anchor: String = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect();
            let before = seen.entry(anchor.clone()).or_default();
            anchors.push(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
            *before += 1;
        }
        anchors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_blocks_links_and_rows_are_found() {
        let text = "# A *b* `c`\n[d](e.md#f) <img src=\"g.png\">\n```sh\nh\n```\n| i | j |\n| --- | --- |\n| k `l` | [m](n) |\n";
        let document = Document::parse(Path::new("x.md"), text.to_owned());
        assert_eq!(["A b c"], document.headings.as_slice());
        assert_eq!(["b"], document.emphasised.as_slice());
        assert_eq!(["e.md#f", "g.png", "n"], document.links.as_slice());
        let block = Block { heading: "A b c".to_owned(), language: "sh".to_owned(), code: "h\n".to_owned() };
        assert_eq!([block], document.blocks.as_slice());
        let row = Row { heading: "A b c".to_owned(), cells: vec!["k l".to_owned(), "m".to_owned()] };
        assert_eq!([row], document.rows.as_slice());
    }

    #[test]
    fn anchors_are_those_of_github() {
        let text = "# `POST /integrations/{integration}/cards`\n# Twice\n# Twice\n# What's it, 5 MB?\n";
        let document = Document::parse(Path::new("x.md"), text.to_owned());
        let anchors = ["post-integrationsintegrationcards", "twice", "twice-1", "whats-it-5-mb"];
        assert_eq!(anchors.as_slice(), document.anchors());
    }

    #[test]
    fn a_word_is_named_where_it_stands_alone() {
        let document = Document::parse(Path::new("x.md"), "`invalid-body-part` `Count`.\n".to_owned());
        assert!(document.names("Count") && !document.names("invalid-body") && !document.names("count"));
    }
}
