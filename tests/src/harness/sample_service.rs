//! The sample messaging service as a child process.

use crate::harness::lambda_host::binary;
use crate::harness::stack::SIGNING_SECRET;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The running service. It ends when this is dropped.
pub struct SampleService {
    pub url: String,
    pub output: Lines<BufReader<ChildStdout>>,
    process: Child,
}

impl SampleService {
    /// Starts it with these environment variables and the signing secret.
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(binary("sample-messaging-service"))
            .env_remove("INBOUND_URL")
            .env("SIGNING_SECRET", SIGNING_SECRET)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C goes to the parent process, which ends it
            .kill_on_drop(true)
            .spawn()
            .expect("the sample messaging service starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let url = output.next_line().await.expect("a line").expect("its address");
        Self { url, output, process }
    }

    /// Discards its output from now on, so that the pipe never fills.
    #[must_use]
    pub fn silent(self) -> SilentService {
        let Self { url, mut output, process } = self;
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        SilentService { url, process }
    }

    /// All deliveries that it received, repeats included.
    pub async fn deliveries(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/deliveries", self.url)).await.expect("the service answers");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }
}

/// A running service whose output is discarded. It ends when this is dropped.
pub struct SilentService {
    pub url: String,
    process: Child,
}

impl SilentService {
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("it ends");
    }
}
