//! The page can be used by everybody.

use crate::chat::{CUSTOMER, Chat, sample, taken};
use serde_json::{Value, json};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::Reply;

/// A chat with something of every kind in it, a message that was not sent included.
async fn rich() -> Chat {
    let chat =
        Chat::with(|attempt, _| if attempt.body["text"] == "not sent" { Reply::status(400) } else { taken(attempt) })
            .await;
    for kind in WIRE.iter().map(|sample| sample.name).filter(|name| *name != "typing") {
        chat.deliver(&sample(kind, CUSTOMER)).await;
    }
    chat.say("sent").await;
    chat.browser.wait_until("document.querySelector('.own[data-state=sent]') !== null").await;
    chat.say("not sent").await;
    chat.browser.wait_until("document.querySelector('.retry') !== null").await;
    chat.service.deliver(&sample("typing", CUSTOMER)).await;
    chat.browser.wait_until("!document.getElementById('typing').hidden").await;
    // Pictures out of reach have made way for what stands in their place.
    chat.browser.wait_until("document.querySelectorAll('#log img').length === 0").await;
    chat
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_can_be_used_has_a_name() {
    let chat = rich().await;
    let named = chat
        .browser
        .names("a:not([hidden]), button, textarea, [tabindex], [role=log], nav:not([hidden]), video, audio")
        .await;
    assert!(named.len() > 15, "{named:?}");
    for (markup, name) in named {
        assert!(!name.trim().is_empty(), "{markup}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_its_language_and_what_it_is() {
    let chat = rich().await;
    let page = "return [document.documentElement.lang, document.title, document.querySelectorAll('main').length, \
        document.querySelectorAll('h1').length, document.querySelector('[role=log]').ariaLive];";
    assert_eq!(json!(["en", format!("Chat of {CUSTOMER}"), 1, 1, "polite"]), chat.browser.run(page).await);
    let pictures = "return [...document.querySelectorAll('img:not([alt])')].length;";
    assert_eq!(0, chat.browser.run(pictures).await);
    let twice = "const ids = [...document.querySelectorAll('[id]')].map((one) => one.id); return ids.length - new Set(ids).size;";
    assert_eq!(0, chat.browser.run(twice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_hit_is_large_enough_for_a_thumb() {
    let chat = rich().await;
    let small = "return [...document.querySelectorAll('button, textarea, .actions a, header a')] \
        .map((one) => [one.outerHTML, one.getBoundingClientRect()]) \
        .filter(([, { width, height }]) => width < 44 || height < 44).map(([markup]) => markup);";
    assert_eq!(json!([]), chat.browser.run(small).await);
    assert_eq!(true, chat.browser.run("return document.documentElement.scrollWidth <= innerWidth;").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_stands_out_from_what_is_behind_it_by_day_and_by_night() {
    let chat = rich().await;
    for scheme in ["light", "dark"] {
        chat.browser.prefer("prefers-color-scheme", scheme).await;
        let faint = chat.browser.run(FAINT).await;
        assert_eq!(json!([]), faint, "{scheme}");
    }
    assert_ne!(Value::Null, chat.browser.run("return getComputedStyle(document.body).color;").await);
}

/// The texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3). Elements that cannot be used are exempt there.
const FAINT: &str = r#"
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = ([red, green, blue]) => {
  const [r, g, b] = [red, green, blue].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
};
const texts = [...document.querySelectorAll("body *")].filter((one) =>
  one.checkVisibility() && !one.closest(".unseen, :disabled, #avatar")
  && [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ""));
if (texts.length < 30) return ["only " + texts.length + " texts"];
return texts.map((one) => {
  const [light, dark] = [luminance(rgba(getComputedStyle(one).color)), luminance(behind(one))].sort((a, b) => b - a);
  return [one.outerHTML, (light + 0.05) / (dark + 0.05)];
}).filter(([, contrast]) => contrast < 4.5);
"#;
