//! The guide to the command covers all commands.

use std::process::Command;
use tests::spec::documents::Document;

/// The output of `patchbay WORD … --help`.
fn help(words: &[String]) -> String {
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("patchbay");
    let output = Command::new(built).args(words).arg("--help").output().expect("the command is built");
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands below these words that have no subcommands.
fn commands(words: &[String]) -> Vec<String> {
    let help = help(words);
    let Some((_, listed)) = help.split_once("\nCommands:\n") else { return vec![words.join(" ")] };
    // A wrapped description continues further to the right.
    let lines = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let below = names.filter(|name| *name != "help").map(|name| [words, &[name.to_owned()]].concat());
    below.flat_map(|words| commands(&words)).collect()
}

#[test]
fn every_command_is_in_its_guide() {
    let guide = Document::read("docs/command.md");
    let commands = commands(&[]);
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(guide.text.contains(&format!("patchbay {command}")), "patchbay {command}");
    }
}
