//! The command `patchbay`, run as an operator runs it: the real program against the stack of the environment.

use crate::harness::lambda_host::binary;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process;

/// Answers the questions of a command on a pseudo-terminal.
const AT_A_TERMINAL: &str = include_str!("pty_driver.py");

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One run of the command, yet to be made.
#[derive(Debug, Clone)]
pub struct Command {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: String,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

/// Runs `patchbay` with these arguments.
pub async fn patchbay(arguments: &[&str]) -> Ran {
    Command::new(arguments).run().await
}

impl Command {
    /// `patchbay` with these arguments, in the environment of the test.
    #[must_use]
    pub fn new(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { arguments, environment: Vec::new(), input: String::new() }
    }

    /// With further arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// With another environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this on its standard input, which is empty unless given.
    #[must_use]
    pub fn input(self, input: impl Into<String>) -> Self {
        Self { input: input.into(), ..self }
    }

    /// Runs it to its end.
    pub async fn run(self) -> Ran {
        let program = process::Command::new(binary("patchbay"));
        self.run_as(program).await
    }

    /// Runs it to its end at a terminal, where each question in whose words one of these is found gets its answer, in this
    /// order. What the terminal showed is all in one. A control character is the key that sends it.
    pub async fn run_at_a_terminal(self, answers: &[(&str, &str)]) -> Ran {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv").join("bin/python");
        let mut program = process::Command::new(python);
        program.args(["-c", AT_A_TERMINAL, &json!(answers).to_string()]).arg(binary("patchbay"));
        self.run_as(program).await
    }

    async fn run_as(self, mut program: process::Command) -> Ran {
        let mut child = program
            .args(&self.arguments)
            .envs(self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the command starts");
        let mut stdin = child.stdin.take().expect("the command has a standard input");
        // A command that does not read its input may end before it is written.
        let written = async {
            let _ = stdin.write_all(self.input.as_bytes()).await;
            drop(stdin);
        };
        let ended = async { tokio::join!(written, child.wait_with_output()).1 };
        let output = tokio::time::timeout(TIMEOUT, ended).await;
        let output = output.unwrap_or_else(|_| panic!("it does not end: {:?}", self.arguments)).expect("an output");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("it prints text"),
            stderr: String::from_utf8(output.stderr).expect("it says text"),
        }
    }
}

impl Ran {
    /// Insists that it ended with this exit code.
    #[must_use]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(code, self.code, "{self:#?}");
        self
    }

    /// Insists that it did what was asked.
    #[must_use]
    pub fn done(self) -> Self {
        self.ended_with(0)
    }

    /// What it printed, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }

    /// Whether it printed this anywhere.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    /// All that it printed and said.
    #[must_use]
    pub fn everything(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
