//! The sample messaging service, as a process of its own.

use crate::harness::lambda_host::binary;
use crate::harness::stack::SIGNING_SECRET;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The running service; it ends when this is dropped.
pub struct SampleService {
    /// Where it answers.
    pub url: String,
    /// What it prints.
    pub output: Lines<BufReader<ChildStdout>>,
    process: Child,
}

impl SampleService {
    /// Starts it with these environment variables besides the secret of deliveries.
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(binary("sample-messaging-service"))
            .env_remove("INBOUND_URL")
            .env("SIGNING_SECRET", SIGNING_SECRET)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C is for whoever started it, who ends it in turn
            .kill_on_drop(true)
            .spawn()
            .expect("the sample messaging service starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let url = output.next_line().await.expect("a line").expect("it says its address");
        Self { url, output, process }
    }

    /// Reads what it prints from now on, so that it does not wait for somebody to do so.
    #[must_use]
    pub fn silent(self) -> SilentService {
        let Self { url, mut output, process } = self;
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        SilentService { url, process }
    }

    /// All that was delivered to it, repeats included.
    pub async fn deliveries(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/deliveries", self.url)).await.expect("the service answers");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }
}

/// A running service whose output nobody looks at; it ends when this is dropped.
pub struct SilentService {
    /// Where it answers.
    pub url: String,
    process: Child,
}

impl SilentService {
    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("it dies");
    }
}
