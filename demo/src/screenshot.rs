//! The screenshot in the README.

use demo::desk::Desk;
use std::path::Path;
use tests::harness::browser::Browser;

const WIDTH: u32 = 1_400;
const HEIGHT: u32 = 1_270;

/// Takes a screenshot of a customer's conversation at the desk, with the two telephones beside it.
pub(crate) async fn take(desk: &Desk, customer: &str, path: &Path) {
    let browser = Browser::start(WIDTH, HEIGHT).await;
    browser.resize(WIDTH, HEIGHT, 2).await;
    browser.open(&format!("{}/?customer={customer}", desk.url)).await;
    browser.wait_until("document.querySelector('iframe:nth-of-type(1)') !== null").await;
    // What follows below is not in the picture.
    browser.run("document.documentElement.style.scrollbarWidth = 'none';").await;
    let wait_for_all = async || {
        browser.wait_until("document.querySelector('[role=log]').textContent.includes('happy')").await;
        browser.wait_until("[...document.images].every((image) => image.complete)").await;
    };
    wait_for_all().await;
    for telephone in 0..2 {
        browser.enter_frame(telephone).await;
        wait_for_all().await;
        browser.leave_frame().await;
    }
    browser.screenshot(path).await;
}
