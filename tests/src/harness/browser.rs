//! A real browser: Chromium without a window, told what to do through WebDriver.
//!
//! Source of the commands: <https://www.w3.org/TR/webdriver2/>, and of those under `goog`,
//! <https://chromedevtools.github.io/devtools-protocol/tot/Emulation/>.

use crate::simulators::messaging_service::PATIENCE;
use data_encoding::BASE64;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;

/// The field under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How often chromedriver is started before the test fails.
const STARTS: usize = 10;
/// How often a condition in the page is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// The keys that have no character of their own.
pub mod key {
    /// To the next element.
    pub const TAB: &str = "\u{E004}";
    /// Confirms.
    pub const ENTER: &str = "\u{E007}";
    /// Held with others.
    pub const SHIFT: &str = "\u{E008}";
    /// To the right.
    pub const RIGHT: &str = "\u{E014}";
}

/// A browser with a profile of its own. When this is dropped, all its processes end and the profile is removed.
pub struct Browser {
    session_url: String,
    http: reqwest::Client,
    // In this order: the processes end before their folder is removed.
    _driver: Driver,
}

/// `chromedriver`, and all that it has started.
struct Driver {
    process: Child,
    /// Does what our `Drop` does when that does not run, because the test was interrupted.
    guard: Child,
    url: String,
    profile: PathBuf,
    // Kept open: the driver would end when it can no longer write.
    output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    /// Starts one whose window is so many pixels wide and high.
    pub async fn start(width: u32, height: u32) -> Self {
        let driver = Driver::start().await;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("an HTTP client");
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-breakpad",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-smooth-scrolling",
            "--no-first-run",
            "--no-proxy-server",
            // It sees this machine and nothing else.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--window-size={width},{height}"));
        arguments.push(format!("--user-data-dir={}", driver.profile.display()));
        if runs_as_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        let options = json!({"binary": program("chromium", "chromium"), "args": arguments});
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "unhandledPromptBehavior": "ignore",
            // A script waits while the page draws, which may take a busy machine long.
            "timeouts": {"script": PATIENCE.as_millis() as u64},
            "goog:chromeOptions": options,
        }}});
        let sessions = format!("{}/session", driver.url);
        let (status, answer) = call(&http, Method::POST, &sessions, Some(&capabilities)).await;
        assert!(status.is_success(), "Chromium did not start: {answer}");
        let session = answer["sessionId"].as_str().expect("the session has an id");
        let browser = Self { session_url: format!("{sessions}/{session}"), http, _driver: driver };
        browser.resize(width, height, 1).await;
        browser
    }

    /// Makes the page so many pixels wide and high, each drawn as `scale` times `scale` pixels.
    pub async fn resize(&self, width: u32, height: u32, scale: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
        self.post("goog/cdp/execute", command).await;
    }

    /// Has the page believe that its user wants this, as `prefers-color-scheme` and its like are asked for.
    pub async fn prefer(&self, feature: &str, value: &str) {
        let features = json!({"features": [{"name": feature, "value": value}]});
        self.post("goog/cdp/execute", json!({"cmd": "Emulation.setEmulatedMedia", "params": features})).await;
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.post("url", json!({"url": url})).await;
    }

    /// Runs the body of a function in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.run_with(script, json!([])).await
    }

    /// The same with `arguments`.
    pub async fn run_with(&self, script: &str, arguments: Value) -> Value {
        self.post("execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// Waits until the expression is true in the page.
    pub async fn wait_until(&self, expression: &str) {
        self.wait_for(expression, |value| *value == true).await;
    }

    /// Waits until the value of the expression is as it should be, and returns it.
    pub async fn wait_for(&self, expression: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let script = format!("return ({expression});");
        loop {
            let value = self.run(&script).await;
            if enough(&value) {
                return value;
            }
            if started.elapsed() > PATIENCE {
                let page = self.run("return document.body.innerText;").await;
                panic!("what was waited for did not come; `{expression}` is {value}, the page shows:\n{page}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Clicks on the first element that the CSS selector finds, with the mouse and where it is seen.
    pub async fn click(&self, selector: &str) {
        let element = self.post("element", json!({"using": "css selector", "value": selector})).await;
        let element = element[ELEMENT].as_str().expect("an element");
        self.post(&format!("element/{element}/click"), json!({})).await;
    }

    /// Presses the keys one after the other, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})])
            .collect();
        self.post("actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// Presses the second key while the first is held.
    pub async fn press_with(&self, held: &str, key: &str) {
        let actions = json!([
            {"type": "keyDown", "value": held},
            {"type": "keyDown", "value": key},
            {"type": "keyUp", "value": key},
            {"type": "keyUp", "value": held},
        ]);
        self.post("actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// The accessible names of all elements that the CSS selector finds, each after the element's own markup.
    pub async fn names(&self, selector: &str) -> Vec<(String, String)> {
        let found = self.post("elements", json!({"using": "css selector", "value": selector})).await;
        let mut names = Vec::new();
        for element in found.as_array().expect("elements") {
            let markup = self.run_with("return arguments[0].outerHTML;", json!([element])).await;
            let id = element[ELEMENT].as_str().expect("an element");
            let url = format!("{}/element/{id}/computedlabel", self.session_url);
            let (_, name) = call(&self.http, Method::GET, &url, None).await;
            names.push((markup.to_string(), name.as_str().unwrap_or_default().to_owned()));
        }
        names
    }

    /// Whether the page has opened a dialogue.
    pub async fn shows_an_alert(&self) -> bool {
        let (status, answer) = call(&self.http, Method::GET, &format!("{}/alert/text", self.session_url), None).await;
        assert!(status.is_success() || answer["error"] == "no such alert", "{answer}");
        status.is_success()
    }

    /// How many windows and tabs are open.
    pub async fn windows(&self) -> usize {
        let url = format!("{}/window/handles", self.session_url);
        call(&self.http, Method::GET, &url, None).await.1.as_array().expect("windows").len()
    }

    /// Waits until so many are open: a click does not wait for the tab that it opens.
    pub async fn wait_for_windows(&self, count: usize) {
        let started = Instant::now();
        while self.windows().await != count {
            assert!(started.elapsed() < PATIENCE, "{} windows are open", self.windows().await);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Writes what is seen into a PNG file.
    pub async fn screenshot(&self, path: &Path) {
        let (_, picture) = call(&self.http, Method::GET, &format!("{}/screenshot", self.session_url), None).await;
        let picture = BASE64.decode(picture.as_str().expect("a picture").as_bytes()).expect("base64");
        fs::write(path, picture).expect("the picture is written");
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let url = format!("{}/{command}", self.session_url);
        let (status, answer) = call(&self.http, Method::POST, &url, Some(&body)).await;
        assert!(status.is_success(), "{command} {body}: {answer}");
        answer
    }
}

/// The status and the `value` of a WebDriver answer.
async fn call(http: &reqwest::Client, method: Method, url: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let mut request = http.request(method, url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.expect("chromedriver answers");
    let status = response.status();
    let body = response.bytes().await.expect("a whole answer");
    let mut answer: Value = serde_json::from_slice(&body).expect("chromedriver answers in JSON");
    (status, answer["value"].take())
}

impl Driver {
    /// Starts it. It picks a port that is free on `::1`, and ends when another program has that port on `127.0.0.1`.
    async fn start() -> Self {
        for _ in 0..STARTS {
            if let Some(driver) = Self::start_once().await {
                return driver;
            }
        }
        panic!("chromedriver ended {STARTS} times without naming its port");
    }

    /// Starts it once; nothing where it ended before it named its port.
    async fn start_once() -> Option<Self> {
        // Short: the browser puts a socket into it, and a socket's path may have 107 characters.
        let name = Uuid::new_v4().simple().to_string();
        let profile = std::env::temp_dir().join(format!("browser-{}", &name[..12]));
        fs::create_dir(&profile).expect("a folder for the profile");
        let mut process = Command::new(program("chromedriver", "chromium-driver"))
            .arg("--port=0")
            // Whatever the browser keeps outside its profile is kept there too.
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
            .expect("chromedriver starts");
        // Its input ends when we end, however that is.
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

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.guard.start_kill();
        if let Some(pid) = self.process.id() {
            kill(&format!("-{pid}"));
        }
        // Some of the browser's processes leave the group; all of them name the profile.
        let mut left = processes_naming(&self.profile);
        let started = Instant::now();
        while !left.is_empty() && started.elapsed() < PATIENCE {
            left.iter().for_each(|pid| kill(pid));
            left = processes_naming(&self.profile);
        }
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn kill(process: &str) {
    let _ = std::process::Command::new("kill").args(["-KILL", "--", process]).stderr(Stdio::null()).status();
}

/// The processes that have this folder in their arguments or environment, but for those that are dead already.
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

fn runs_as_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Where the program is. That a browser is missing must not pass for a page that works.
fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "{name} is not installed, and the browser tests need it: \
             infra/local/system-packages.sh {name}:{package} (on Debian: apt-get install {package})"
        )
    })
}
