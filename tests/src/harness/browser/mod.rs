//! A headless Chromium, driven through WebDriver.

pub mod accessibility;
mod chromedriver;

use crate::simulators::messaging_service::WAIT_TIMEOUT;
use chromedriver::{ChromeDriver, browser};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::{Capabilities, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};
use url::{ParseError, Url};

pub use fantoccini::key::Key;

/// How often a condition in the page is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

const ARGUMENTS: [&str; 12] = [
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
    // It reaches this machine only.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// A browser with its own profile. When this is dropped, all its processes end and the profile is removed.
pub struct Browser {
    session: Client,
    _chromedriver: ChromeDriver,
}

impl Browser {
    /// Starts one with a page of this width and height in pixels.
    pub async fn start(width: u32, height: u32) -> Self {
        let chromedriver = ChromeDriver::start().await;
        let session = open_session(&chromedriver).await;
        let browser = Self { session, _chromedriver: chromedriver };
        browser.resize(width, height, 1).await;
        browser
    }

    /// Sets the page's size in CSS pixels, each drawn as `scale` times `scale` pixels.
    pub async fn resize(&self, width: u32, height: u32, scale: u32) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.emulate("Emulation.setDeviceMetricsOverride", params).await;
    }

    /// Sets media features that a style sheet can ask for, such as `prefers-color-scheme`.
    pub async fn set_media(&self, features: &[(&str, &str)]) {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.emulate("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn emulate(&self, command: &'static str, params: Value) {
        self.session.issue_cmd(ChromiumCommand { command, params }).await.expect("Chromium does that");
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.session.goto(url).await.expect("the page loads");
    }

    /// Runs the script as the body of a function in the page and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.run_with(script, &[]).await
    }

    /// Runs the script with `arguments`.
    pub async fn run_with(&self, script: &str, arguments: &[Value]) -> Value {
        let result = self.session.execute(script, arguments.to_vec()).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until the expression is true in the page.
    pub async fn wait_until(&self, expression: &str) {
        self.wait_for(expression, |value| *value == true).await;
    }

    /// Waits until the expression has an expected value, and returns it.
    pub async fn wait_for(&self, expression: &str, is_expected: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        let script = format!("return ({expression});");
        loop {
            let value = self.run(&script).await;
            if is_expected(&value) {
                return value;
            }
            if started.elapsed() > WAIT_TIMEOUT {
                let page = self.run("return document.body.innerText;").await;
                panic!("timed out: `{expression}` is {value}, the page shows:\n{page}");
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Continues in the page's frame with this number.
    pub async fn enter_frame(&self, number: u16) {
        self.session.enter_frame(number).await.expect("a frame");
    }

    /// Continues in the page that has the frame.
    pub async fn leave_frame(&self) {
        self.session.enter_parent_frame().await.expect("a page");
    }

    /// Clicks the first element that matches the CSS selector.
    pub async fn click(&self, selector: &str) {
        let element =
            self.session.find(Locator::Css(selector)).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types the text into the focused element.
    pub async fn type_text(&self, text: &str) {
        for key in text.chars() {
            self.press_key(key).await;
        }
    }

    /// Presses one key in the focused element.
    pub async fn press(&self, key: Key) {
        self.press_key(key.into()).await;
    }

    async fn press_key(&self, value: char) {
        let keys = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.session.perform_actions(keys).await.expect("the key is pressed");
    }

    /// Whether the page has opened a dialogue.
    pub async fn shows_an_alert(&self) -> bool {
        match self.session.get_alert_text().await {
            Ok(_) => true,
            Err(error) if error.is_no_such_alert() => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// The number of open windows and tabs.
    pub async fn windows(&self) -> usize {
        self.session.windows().await.expect("the open windows").len()
    }

    /// Writes what the page shows into a PNG file.
    pub async fn screenshot(&self, path: &Path) {
        let png = self.session.screenshot().await.expect("a screenshot");
        fs::write(path, png).expect("the screenshot is written");
    }
}

/// A command of Chromium's own. WebDriver can set the page's size only together with the window's frame, and no media
/// features.
#[derive(Debug)]
struct ChromiumCommand {
    command: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for ChromiumCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.params}).to_string()))
    }
}

async fn open_session(chromedriver: &ChromeDriver) -> Client {
    let mut arguments: Vec<_> = ARGUMENTS.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", chromedriver.profile.display()));
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        arguments.push("--no-sandbox".to_owned());
    }
    let options = json!({"binary": browser(), "args": arguments});
    let capabilities = Capabilities::from_iter([
        ("goog:chromeOptions".to_owned(), options),
        ("unhandledPromptBehavior".to_owned(), "ignore".into()),
    ]);
    let session = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&chromedriver.url).await;
    let session = session.expect("Chromium starts");
    // A script waits while the page draws, which can take long on a busy machine.
    let timeouts = TimeoutConfiguration::new(Some(WAIT_TIMEOUT), None, None);
    session.update_timeouts(timeouts).await.expect("the timeouts are set");
    // Killing chromedriver ends the session.
    session.persist().await.expect("the session is kept");
    session
}
