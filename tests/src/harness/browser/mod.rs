//! A headless Chromium, driven through WebDriver.

mod chromedriver;

use crate::simulators::messaging_service::WAIT_TIMEOUT;
use chromedriver::{ChromeDriver, program};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};
use thirtyfour::error::{WebDriverError, WebDriverErrorInner};
use thirtyfour::{By, CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};

pub use thirtyfour::Key;

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
    session: WebDriver,
    _chromedriver: ChromeDriver,
}

impl Browser {
    /// Starts one with a page of this width and height in pixels.
    pub async fn start(width: u32, height: u32) -> Self {
        let chromedriver = ChromeDriver::start().await;
        let session = open_session(&chromedriver).await.expect("Chromium starts");
        let browser = Self { session, _chromedriver: chromedriver };
        browser.resize(width, height, 1).await;
        browser
    }

    /// Sets the page's size in CSS pixels, each drawn as `scale` times `scale` pixels.
    pub async fn resize(&self, width: u32, height: u32, scale: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.session.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.expect("the page is resized");
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
        let result = self.session.execute(script, arguments).await;
        result.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
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

    /// Clicks the first element that matches the CSS selector.
    pub async fn click(&self, selector: &str) {
        let element = self.session.find(By::Css(selector)).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types the text into the focused element.
    pub async fn type_text(&self, text: &str) {
        self.session.action_chain().send_keys(text).perform().await.expect("the keys are pressed");
    }

    /// Presses one key in the focused element.
    pub async fn press(&self, key: Key) {
        let key = char::from(key);
        self.session.action_chain().key_down(key).key_up(key).perform().await.expect("the key is pressed");
    }

    /// Whether the page has opened a dialogue.
    pub async fn shows_an_alert(&self) -> bool {
        match self.session.get_alert_text().await {
            Ok(_) => true,
            Err(error) if matches!(error.as_inner(), WebDriverErrorInner::NoSuchAlert(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// The number of open windows and tabs.
    pub async fn windows(&self) -> usize {
        self.session.windows().await.expect("the open windows").len()
    }

    /// Writes what the page shows into a PNG file.
    pub async fn screenshot(&self, path: &Path) {
        self.session.screenshot(path).await.expect("the screenshot is written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Killing chromedriver ends the session; closing it first would block this thread.
        let _ = self.session.clone().leak();
    }
}

async fn open_session(chromedriver: &ChromeDriver) -> Result<WebDriver, WebDriverError> {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(&program("chromium", "chromium").display().to_string())?;
    for argument in ARGUMENTS {
        capabilities.add_arg(argument)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", chromedriver.profile.display()))?;
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        capabilities.add_arg("--no-sandbox")?;
    }
    capabilities.set("unhandledPromptBehavior", "ignore")?;
    let http = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT).build()?;
    let session = WebDriver::builder(&chromedriver.url, capabilities).client(http).connect().await?;
    // A script waits while the page draws, which can take long on a busy machine.
    session.set_script_timeout(WAIT_TIMEOUT).await?;
    Ok(session)
}
