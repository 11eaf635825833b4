//! The sample messaging service, as a process of its own.

use crate::{REFUSED_CUSTOMER, inbound::Row};
use serde_json::Value;
use std::error::Error;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::caller::CALLER_SECRET;
use tests::stack::SIGNING_SECRET;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

pub(crate) struct SampleService {
    pub(crate) url: String,
    pub(crate) output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl SampleService {
    /// Starts it; what customers answer on its page is posted to `inbound_url`.
    pub(crate) async fn start(inbound_url: &str) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?.with_file_name("sample-messaging-service"))
            .env("SIGNING_SECRET", SIGNING_SECRET)
            .env("REFUSED_CUSTOMER", REFUSED_CUSTOMER)
            .env("INBOUND_URL", inbound_url)
            .env("CALLER_SECRET", CALLER_SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let url = output.next_line().await?.ok_or("the sample messaging service did not start")?;
        Ok(Self { url, output, _process: process })
    }

    /// Waits until everything has arrived that should, and returns all deliveries.
    pub(crate) async fn wait_for(&self, rows: &[Row]) -> Result<Vec<Value>, Box<dyn Error>> {
        let started = Instant::now();
        loop {
            let deliveries = reqwest::get(format!("{}/deliveries", self.url)).await?.bytes().await?;
            let deliveries: Vec<Value> = serde_json::from_slice(&deliveries)?;
            if rows.iter().all(|row| row.as_expected(&deliveries)) || started.elapsed() > crate::PATIENCE {
                return Ok(deliveries);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
