//! Starts `chromedriver`, and ends it with all its processes.

use crate::simulators::messaging_service::WAIT_TIMEOUT;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;

/// How often chromedriver is started before the test fails.
const MAX_STARTS: usize = 10;

/// A running `chromedriver` with all that it has started.
pub(super) struct ChromeDriver {
    process: Child,
    /// Cleans up like `Drop` when the test was interrupted and `Drop` does not run.
    guard: Child,
    pub(super) url: String,
    pub(super) profile: PathBuf,
    // Kept open: chromedriver ends when it can no longer write.
    output: Lines<BufReader<ChildStdout>>,
}

impl ChromeDriver {
    /// Starts chromedriver. It picks a port that is free on `::1`, and ends with "IPv4 port not available" when another
    /// program has that port on `127.0.0.1`: then it is started again.
    pub(super) async fn start() -> Self {
        for _ in 0..MAX_STARTS {
            if let Some(driver) = Self::start_once().await {
                return driver;
            }
        }
        panic!("chromedriver ended {MAX_STARTS} times without printing its port");
    }

    /// Starts it once. `None` when it ended before it printed its port.
    async fn start_once() -> Option<Self> {
        // Short: the browser puts a socket into the folder, and a socket's path is limited to 107 characters.
        let name = Uuid::new_v4().simple().to_string();
        let profile = std::env::temp_dir().join(format!("browser-{}", &name[..12]));
        fs::create_dir(&profile).expect("a folder for the profile");
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            // The browser's files outside its profile go there too.
            .env("HOME", &profile)
            .env("XDG_CONFIG_HOME", &profile)
            .env("XDG_CACHE_HOME", &profile)
            .env("TMPDIR", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts: make prerequisites says what is missing");
        // Its standard input closes when this process ends, in whatever way.
        let guard = Command::new("sh")
            .args(["-c", r#"read -r _; env kill -KILL -- "-$1"; sleep 1; rm -rf "$2""#, "sh"])
            .arg(process.id().expect("it runs").to_string())
            .arg(&profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("sh starts");
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut driver = Self { process, guard, url: String::new(), profile, output };
        while let Some(line) = driver.output.next_line().await.expect("a line") {
            if let Some((_, port)) = line.split_once("was started successfully on port ") {
                let port: u16 = port.trim_end_matches('.').parse().expect("a port");
                driver.url = format!("http://127.0.0.1:{port}");
                return Some(driver);
            }
        }
        None
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        let _ = self.guard.start_kill();
        if let Some(pid) = self.process.id() {
            kill(&format!("-{pid}"));
        }
        // Some of the browser's processes leave the group; all of them name the profile.
        let mut left = processes_naming(&self.profile);
        let started = Instant::now();
        while !left.is_empty() && started.elapsed() < WAIT_TIMEOUT {
            left.iter().for_each(|pid| kill(pid));
            left = processes_naming(&self.profile);
        }
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn kill(process: &str) {
    let _ = std::process::Command::new("kill").args(["-KILL", "--", process]).stderr(Stdio::null()).status();
}

/// The live processes that have this folder in their arguments or environment.
fn processes_naming(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let names = |file: PathBuf| fs::read(file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(&folder));
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    processes
        .filter(|process| names(process.path().join("cmdline")) || names(process.path().join("environ")))
        .filter_map(|process| process.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// The path of the installed browser. A missing one fails the test: it must not pass as a page that works.
pub(super) fn browser() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/local/browser.sh");
    let found = std::process::Command::new(script).output().expect("a shell");
    assert!(found.status.success(), "there is no browser: make prerequisites says how to install one");
    String::from_utf8(found.stdout).expect("a path in UTF-8").trim_end().to_owned()
}
