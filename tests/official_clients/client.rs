//! A client in a process of its own. It reads a call in each line, and writes a line with what came of it.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use tests::spec::openapi::root;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) struct Client {
    stdin: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

fn script(name: &str) -> PathBuf {
    root().join("tests/official_clients").join(name)
}

impl Client {
    /// In the environment of this name, whose proxies are not for the simulated servers.
    pub(crate) fn in_python(environment: &str, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(root().join(".venv").join(environment).join("bin/python"));
        command.arg(script(name)).args(arguments).env("no_proxy", "127.0.0.1");
        Self::start(command)
    }

    pub(crate) fn in_node(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(root().join(".venv/bin/node"));
        command.arg(script(name)).arg(root().join(".venv/node/node_modules")).args(arguments);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("the client is there: `make setup-tests` makes it");
        let (stdin, stdout) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        Self { stdin, output: BufReader::new(stdout).lines(), _process: process }
    }

    /// Makes a call that succeeds. Returns the answer.
    pub(crate) async fn call(&mut self, call: &Value) -> Value {
        self.stdin.write_all(format!("{call}\n").as_bytes()).await.expect("the client reads");
        let line = self.output.next_line().await.expect("UTF-8").expect("the client answers");
        let result: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(None, result.get("error"), "{call}");
        if let Some(sent) = result.get("sent") {
            assert_eq!(in_utc(&call["body"]), in_utc(sent), "the client has no place for a member of {call}");
        }
        if let Some(model) = result.get("model") {
            assert_eq!(in_utc(&result["raw"]), in_utc(model), "the client has no place for a member: {call}");
        }
        if let Some(differences) = result.get("differences") {
            assert_eq!(&json!([]), differences, "{call}: {}", result["raw"]);
        }
        result.get("raw").cloned().unwrap_or_default()
    }
}

/// The value with its times in one notation.
fn in_utc(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<Timestamp>().map_or_else(|_| value.clone(), |time| json!(time.to_string())),
        Value::Array(elements) => elements.iter().map(in_utc).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), in_utc(value))).collect(),
        other => other.clone(),
    }
}
