//! Runs the command `patchbay` as an operator does: the real program against the stack of the environment.

use crate::harness::lambda_host::binary;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process;

/// Answers the prompts of a command on a pseudo-terminal.
const PTY_DRIVER: &str = include_str!("pty_driver.py");

/// The time limit of a run.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A run of the command.
#[derive(Debug, Clone)]
pub struct Command {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: String,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub async fn patchbay(arguments: &[&str]) -> CommandOutput {
    Command::new(arguments).run().await
}

impl Command {
    /// `patchbay` with these arguments, in the environment of the test.
    #[must_use]
    pub fn new(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { arguments, environment: Vec::new(), input: String::new() }
    }

    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the standard input, which is empty by default.
    #[must_use]
    pub fn input(self, input: impl Into<String>) -> Self {
        Self { input: input.into(), ..self }
    }

    pub async fn run(self) -> CommandOutput {
        let program = process::Command::new(binary("patchbay"));
        self.run_as(program).await
    }

    /// Runs it on a pseudo-terminal. Each of `answers` is a text of the expected prompt and the response to it, in
    /// order. A control character stands for its key. All terminal output is in `stdout`.
    pub async fn run_in_terminal(self, answers: &[(&str, &str)]) -> CommandOutput {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv").join("bin/python");
        let mut program = process::Command::new(python);
        program.args(["-c", PTY_DRIVER, &json!(answers).to_string()]).arg(binary("patchbay"));
        self.run_as(program).await
    }

    async fn run_as(self, mut program: process::Command) -> CommandOutput {
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
        // A command that does not read its input may end before everything is written.
        let written = async {
            let _ = stdin.write_all(self.input.as_bytes()).await;
            drop(stdin);
        };
        let ended = async { tokio::join!(written, child.wait_with_output()).1 };
        let output = tokio::time::timeout(TIMEOUT, ended).await;
        let output = output.unwrap_or_else(|_| panic!("it does not end: {:?}", self.arguments)).expect("an output");
        CommandOutput {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl CommandOutput {
    /// Asserts the exit code.
    #[must_use]
    pub fn exited_with(self, code: i32) -> Self {
        assert_eq!(code, self.code, "{self:#?}");
        self
    }

    /// Asserts exit code 0.
    #[must_use]
    pub fn succeeded(self) -> Self {
        self.exited_with(0)
    }

    /// Its standard output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }

    /// Whether it printed this text anywhere.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    #[must_use]
    pub fn all_output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
