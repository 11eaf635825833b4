//! What `make run` and `make watch` print, each on a stack of its own.

#![allow(clippy::expect_used, clippy::panic)] // tests fail by panicking

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tests::harness::lambda_host::binary;
use tests::simulators::messaging_service::MessagingService;
use tests::spec::openapi::root;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Where the commands begin, and the last line.
const FIRST: &str = "Send one yourself";
const LAST: &str = "Ctrl-C takes everything down.";

/// In the printed commands: the messaging service of the reader.
const OWN_SERVICE: &str = "http://127.0.0.1:9000/messages";

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_make_run_prints_works() {
    let demo = Demo::start("run", &[]).await;
    demo.commands_work().await;
    demo.ends_with_ctrl_c().await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
async fn make_watch_prints_commands_that_work_and_no_log_lines_and_listens_on_this_machine_only() {
    let demo = Demo::start("watch", &["--watch"]).await;
    demo.commands_work().await;
    let addresses = listening_addresses();
    assert!(addresses.len() > 3, "{addresses:?}");
    let foreign: Vec<_> = addresses.iter().filter(|address| !is_loopback(address)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let errors = fs::read_to_string(&demo.errors).expect("its errors");
    let log_lines: Vec<_> =
        demo.printed.iter().map(String::as_str).chain(errors.lines()).filter(|line| line.starts_with('{')).collect();
    assert!(log_lines.is_empty(), "{log_lines:#?}");
    demo.ends_with_ctrl_c().await;
}

/// A demonstration that has printed everything.
struct Demo {
    process: Child,
    printed: Vec<String>,
    /// The file with its standard error.
    errors: PathBuf,
    // Kept open: it prints later deliveries.
    _output: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Demo {
    async fn start(name: &str, arguments: &[&str]) -> Self {
        let [errors, environment] =
            ["stderr", "sh"].map(|kind| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{kind}")));
        let mut process = Command::new(binary("demo"))
            .args(arguments)
            .env("ENVIRONMENT_FILE", environment)
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).expect("a file"))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut printed = Vec::new();
        while printed.last().is_none_or(|line| line != LAST) {
            match output.next_line().await.expect("UTF-8") {
                Some(line) => printed.push(line),
                None => panic!("{printed:#?}\n{}", fs::read_to_string(errors).unwrap_or_default()),
            }
        }
        Self { process, printed, errors, _output: output }
    }

    /// Runs all printed commands in one shell, as somebody who copies them one after the other.
    async fn commands_work(&self) {
        let failures: Vec<_> = self.printed.iter().filter(|line| line.starts_with('✗')).collect();
        assert!(failures.is_empty(), "{failures:#?}");
        for step in ["✓ Telegram   taps Tomorrow", "✓ SMS        answers 1"] {
            assert!(self.printed.iter().any(|line| line.starts_with(step)), "{step}: {:#?}", self.printed);
        }
        let service = MessagingService::start().await;
        let lines = self.printed.iter().skip_while(|line| !line.starts_with(FIRST));
        let script: Vec<_> = lines.filter_map(|line| line.strip_prefix("  ")).collect();
        let script = script.join("\n");
        assert!(script.contains("patchbay integration rotate") && script.contains(OWN_SERVICE), "{script}");
        let script = script.replace(OWN_SERVICE, &service.url);
        let mut shell = Command::new("sh");
        shell.args(["-exc", &script]).current_dir(root()).stdin(Stdio::null());
        // A new terminal has none of them.
        let of_the_stack = ["API_URL", "AWS_", "PATCHBAY_"];
        let variables = std::env::vars().map(|(name, _)| name);
        for name in variables.filter(|name| of_the_stack.iter().any(|prefix| name.starts_with(prefix))) {
            shell.env_remove(name);
        }
        let ended = shell.output().await.expect("a shell");
        let output = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{output}");
        assert!(service.attempts().iter().any(|attempt| attempt.text() == "Hello!"), "{output}");
    }

    async fn ends_with_ctrl_c(mut self) {
        let group = format!("-{}", self.process.id().expect("it runs"));
        let sent = Command::new("kill").args(["-INT", "--", &group]).status().await.expect("kill");
        assert!(sent.success());
        let ended = self.process.wait().await.expect("it ends");
        assert!(ended.success(), "{ended}");
    }
}

/// The addresses in `/proc/net` at which processes of this stack listen. All of them have the folder of its run in their
/// environment.
fn listening_addresses() -> Vec<String> {
    let log = PathBuf::from(std::env::var("STACK_LOG").expect("a stack"));
    let run = log.parent().expect("a folder").display().to_string();
    let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok).map(|process| process.path());
    let of_stack = processes.filter(|process| {
        fs::read(process.join("environ")).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&run))
    });
    let files = of_stack.filter_map(|process| fs::read_dir(process.join("fd")).ok()).flatten().filter_map(Result::ok);
    let files: Vec<_> = files.filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let sockets = tables.iter().flat_map(|table| table.lines().skip(1));
    sockets
        .filter_map(|socket| {
            let fields: Vec<_> = socket.split_whitespace().collect();
            let [_, local, _, "0A", .., inode] = fields.get(..10)? else { return None };
            files.contains(&format!("socket:[{inode}]").into()).then(|| (*local).to_owned())
        })
        .collect()
}

/// 127.0.0.1, ::1 or ::ffff:127.0.0.1, as the kernel writes them: words in the machine's byte order.
fn is_loopback(address: &str) -> bool {
    let ip = address.split(':').next().unwrap_or_default();
    ["0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"].contains(&ip)
}
