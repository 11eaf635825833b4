//! Runs `cargo lambda watch`.

use crate::WAIT_TIMEOUT;
use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// `cargo lambda watch`, serving the functions from the source.
pub(crate) struct CargoLambdaWatch {
    pub(crate) url: String,
    port: u16,
    process: Child,
}

impl CargoLambdaWatch {
    pub(crate) fn spawn() -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut process = Command::new("cargo-lambda")
            // By default it listens on all addresses of the machine.
            .args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            // The template sets it; the stack has an event source.
            .env("CONVERSATION_EVENTS", "on")
            // As on the local stack: the command waits this long for a change to take effect.
            .env("CONFIGURATION_CACHE_SECONDS", "10")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0) // Ctrl-C is for us; it is ended in its turn
            .kill_on_drop(true)
            .spawn()?;
        let log = PathBuf::from(env::var("STACK_LOG")?);
        tokio::spawn(sort_output(process.stdout.take(), log.clone()));
        tokio::spawn(sort_output(process.stderr.take(), log));
        Ok(Self { url: format!("http://127.0.0.1:{port}"), port, process })
    }

    /// Returns when it accepts connections.
    pub(crate) async fn ready(&self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if started.elapsed() > WAIT_TIMEOUT {
                return Err("cargo lambda watch did not start".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Ends it as Ctrl-C does, so that it ends the functions that it runs.
    pub(crate) async fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        if let Some(pid) = self.process.id() {
            Command::new("kill").args(["-INT", &pid.to_string()]).status().await?;
            tokio::time::timeout(WAIT_TIMEOUT, self.process.wait()).await??;
        }
        Ok(())
    }
}

/// Prints what the build says. The functions' log lines and cargo lambda's reports about their instances go to the log.
async fn sort_output(output: Option<impl AsyncRead + Unpin>, log: PathBuf) -> std::io::Result<()> {
    let Some(output) = output else { return Ok(()) };
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with('{') || line.starts_with(" INFO ") {
            writeln!(OpenOptions::new().append(true).open(&log)?, "{line}")?;
        } else {
            eprintln!("{line}");
        }
    }
    Ok(())
}
