//! One function as a process, with its own Lambda Runtime API.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use crate::http::{Request, Response, Server};
use crate::stubs::{EVENT_SOURCE, Stubs};
use crate::usage;
use jiff::Timestamp;
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time limit of an invocation.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The interval at which a silent process is checked for its exit.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What the function did last.
enum Signal {
    /// It asked for the next event.
    Ready(Instant),
    /// It answered.
    Answered(Answer),
    /// It reported an error.
    Failed(String),
}

/// A response of the function.
#[derive(Debug)]
pub struct Answer {
    /// When the event was sent.
    pub sent: Instant,
    /// When the response was complete.
    pub at: Instant,
    pub body: Value,
}

/// A running function. Dropping it kills it. It also ends when the harness does, because its Runtime API is gone then.
pub struct Function {
    name: String,
    process: Child,
    /// The time just before the process was spawned.
    pub started: Instant,
    events: Sender<String>,
    signals: Receiver<Signal>,
    output: UnixStream,
    _runtime_api: Server,
}

impl Function {
    /// Starts `program` as the function `name`, with the environment variables that Lambda and the template set, and with
    /// those of its certificate roots.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(program: &Path, name: &str, stubs: &Stubs, roots: &[(&str, PathBuf)]) -> Self {
        let (events, signals, runtime_api) = runtime_api();
        let (output, stdout) = UnixStream::pair().expect("a pair of sockets");
        output.set_nonblocking(true).expect("a socket");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_LAMBDA_LOG_LEVEL", "INFO")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .env("AWS_SESSION_TOKEN", "bench")
            .env("SECRET_PREFIX", "bench")
            .env("CONFIGURATION_CACHE_SECONDS", "300")
            .env("LEDGER_TABLE", "ledger")
            .env("QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/000000000000/messages.fifo")
            .env("RETRY_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/000000000000/retry.fifo")
            .env("EVENT_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/000000000000/events")
            .env(
                "EVENT_DEAD_LETTER_QUEUE_URL",
                "https://sqs.eu-central-1.amazonaws.com/000000000000/event-dead-letters",
            )
            .env("EVENT_SOURCE", EVENT_SOURCE)
            .env("PARKING_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/000000000000/parking.fifo")
            .envs(stubs.environment())
            .envs(roots.iter().map(|(name, path)| (name, path)))
            .stdin(Stdio::null())
            .stdout(OwnedFd::from(stdout));
        let started = Instant::now();
        let process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { name: name.to_owned(), process, started, events, signals, output, _runtime_api: runtime_api }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Queues the next event.
    ///
    /// # Panics
    /// If the Runtime API is gone.
    pub fn send(&self, event: String) {
        self.events.send(event).expect("the Runtime API runs");
    }

    /// Waits until the function asks for the next event.
    pub fn ready(&mut self) -> Instant {
        match self.signal() {
            Signal::Ready(at) => at,
            Signal::Answered(Answer { body, .. }) => panic!("{} answered without an event: {body}", self.name),
            Signal::Failed(error) => panic!("{} failed: {error}", self.name),
        }
    }

    /// Waits for the response.
    pub fn answer(&mut self) -> Answer {
        match self.signal() {
            Signal::Answered(answer) => answer,
            Signal::Ready(_) => panic!("{} asked for the next event without an answer", self.name),
            Signal::Failed(error) => panic!("{} failed: {error}", self.name),
        }
    }

    /// Waits until the function is idle, and returns the number of lines that it has logged since the last call of this.
    pub fn settle(&mut self) -> usize {
        usage::wait_until_idle(self.pid());
        let mut lines = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.output.read(&mut buffer) {
                Ok(0) => return lines,
                Ok(count) => lines += buffer.iter().take(count).filter(|byte| **byte == b'\n').count(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return lines,
                Err(error) => panic!("{}: {error}", self.name),
            }
        }
    }

    fn signal(&mut self) -> Signal {
        let begin = Instant::now();
        loop {
            match self.signals.recv_timeout(CHECK_INTERVAL) {
                Ok(signal) => return signal,
                Err(RecvTimeoutError::Timeout) if begin.elapsed() < TIMEOUT => {
                    if let Ok(Some(status)) = self.process.try_wait() {
                        panic!("{} ended: {status}", self.name);
                    }
                }
                Err(_) => panic!("{} did nothing for {TIMEOUT:?}", self.name),
            }
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Runtime API for one function, with the channels for its events and its signals.
fn runtime_api() -> (Sender<String>, Receiver<Signal>, Server) {
    let (events, next_events) = mpsc::channel::<String>();
    let (signals, signalled) = mpsc::channel();
    let (next_events, sent) = (Mutex::new(next_events), Mutex::new(None));
    let server = Server::start(None, move |request: &Request| {
        let signal = |signal| {
            // The receiver is gone when the measurement is over.
            let _ = signals.send(signal);
            Response::new(202, "")
        };
        if request.path.ends_with("/invocation/next") {
            signal(Signal::Ready(Instant::now()));
            let event = next_events.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(event) = event else { return Response::new(410, "") };
            let deadline = Timestamp::now().as_millisecond() + 30_000;
            let response = Response::new(200, event)
                .header("content-type", "application/json")
                .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                .header("lambda-runtime-deadline-ms", deadline.to_string())
                .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:f");
            *sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            response
        } else if request.path.ends_with("/response") {
            let at = Instant::now();
            let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(at);
            let body = serde_json::from_slice(&request.body).unwrap_or_default();
            signal(Signal::Answered(Answer { sent, at, body }))
        } else {
            signal(Signal::Failed(String::from_utf8_lossy(&request.body).into_owned()))
        }
    });
    (events, signalled, server)
}
