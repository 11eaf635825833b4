//! Parts of the help texts.

use clap::builder::{StyledStr, Styles};

/// Examples at the end of a command's help. A test requires them of every command, and parses each.
pub(crate) fn examples(commands: &[&str]) -> StyledStr {
    with_examples("", commands)
}

/// The same, after a text.
pub(crate) fn with_examples(text: &str, commands: &[&str]) -> StyledStr {
    let heading = Styles::default();
    let heading = heading.get_header();
    let space = if text.is_empty() { "" } else { "\n\n" };
    format!("{text}{space}{heading}Examples:{heading:#}\n  {}", commands.join("\n  ")).into()
}
