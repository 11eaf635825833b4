//! Hostile messages: nothing in them runs as a script or becomes markup.

use crate::fixture::{Chat, accept, sample};
use serde_json::{Value, json};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::Reply;

const MARKUP: &str =
    r#"</p>"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script><svg/onload=alert(1)>"#;
const URLS: [&str; 6] = [
    "javascript:window.hacked=1//",
    " jAvAsCrIpT:window.hacked=1//",
    "java\nscript:window.hacked=1//",
    "data:text/html,<script>opener.hacked=1</script>",
    "vbscript:window.hacked=1",
    "//\"><script>window.hacked=1</script>",
];

/// The message with hostile content in every text that a sender can choose.
fn hostile(message: &Value, url: &str) -> Value {
    fn poison(name: &str, value: &mut Value, url: &str) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| poison(name, value, url)),
            Value::Array(items) => items.iter_mut().for_each(|item| poison(name, item, url)),
            Value::String(text) => match name {
                "type" | "contentType" | "mediaType" | "eventType" | "idType" | "direction" | "time" | "status" => {}
                "url" | "image" | "video" | "imageUrl" => *text = url.to_owned(),
                // Messages with the same id and time are duplicates: the id stays unique.
                "id" | "messageId" => text.push_str(MARKUP),
                _ => *text = MARKUP.to_owned(),
            },
            _ => {}
        }
    }
    let mut message = message.clone();
    for part in ["id", "text", "content", "reasons", "originatingEntity"] {
        if let Some(value) = message.get_mut(part) {
            poison(part, value, url);
        }
    }
    message["channel"]["from"]["nickname"] = MARKUP.into();
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_in_a_message_runs_and_all_of_it_is_shown_literally() {
    let customer = MARKUP;
    let chat = Chat::with(|attempt, _| {
        if attempt.path.ends_with("/responses") {
            Reply::status(400).body(json!({"detail": MARKUP}).to_string())
        } else {
            accept(attempt)
        }
    })
    .await;
    chat.browser.open(&chat.service.chat_url(customer)).await;
    let mut unknown = sample("card", customer);
    unknown["content"][0]["contentType"] = MARKUP.into();
    let mut other = sample("text", customer);
    other["type"] = MARKUP.into();
    let mut file = sample("media", customer);
    file["content"][0]["attachment"]["mediaType"] = "File".into();
    let mut failing_picture = hostile(&sample("media", customer), "http://127.0.0.1:9/x.png");
    failing_picture["content"][0]["attachment"]["text"] = MARKUP.into();
    for kind in WIRE.iter().map(|sample| sample.name).filter(|name| *name != "typing") {
        for url in URLS {
            chat.deliver(&hostile(&sample(kind, customer), url)).await;
        }
    }
    for message in [unknown, other, hostile(&file, URLS[0]), failing_picture] {
        chat.deliver(&message).await;
    }
    chat.service.deliver(&hostile(&sample("typing", customer), URLS[0])).await;
    chat.browser.wait_until("!document.getElementById('typing').hidden").await;
    chat.browser.wait_until("!document.getElementById('text').disabled").await;
    chat.say(MARKUP).await;
    chat.browser.wait_until("document.querySelector('.own')?.dataset.state === 'sent'").await;

    // Click every button; the responses fail with a hostile reason.
    let click_all = "const all = [...document.querySelectorAll('#log button.choice')]; all.forEach((one) => one.click()); return all.length;";
    let clicked = chat.browser.run(click_all).await;
    chat.browser
        .wait_for("document.querySelectorAll('.own[data-state=unsent]').length", |unsent| *unsent == clicked)
        .await;
    assert!(clicked.as_u64().unwrap() > 20, "{clicked}");

    assert_nothing_ran(&chat).await;
    // Once for each text in a message, and never as markup.
    let literal = "return document.getElementById('log').textContent.split(arguments[0]).length - 1;";
    let literal = chat.browser.run_with(literal, &[json!(MARKUP)]).await;
    assert!(literal.as_u64().unwrap() > 150, "{literal}");
    let shown = chat.browser.run("return document.getElementById('log').textContent;").await;
    for url in URLS {
        assert!(shown.as_str().unwrap().contains(url), "{url}");
    }
    assert_eq!(MARKUP, chat.browser.run("return document.querySelector('h1').textContent;").await);

    chat.browser.open(&chat.service.url).await;
    chat.browser.wait_for("document.querySelector('#customers .name')?.textContent", |name| *name == customer).await;
    assert_nothing_ran(&chat).await;
}

async fn assert_nothing_ran(chat: &Chat) {
    assert!(!chat.browser.shows_an_alert().await);
    assert_eq!(1, chat.browser.windows().await);
    assert_eq!(Value::Null, chat.browser.run("return window.hacked ?? null;").await);
    let foreign = r#"return [...document.querySelectorAll("*")].filter((one) =>
        (one.localName === "script" && one.getAttribute("src") !== "/chat.js")
        || ["iframe", "object", "embed", "base", "form[action]", "style"].includes(one.localName)
        || (one.localName === "svg")
        || [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style" || name === "srcdoc")
        || ["src", "href"].some((name) => one.hasAttribute(name) && !/^(https?:\/\/|\/|#text$)/.test(one.getAttribute(name)))
    ).map((one) => one.outerHTML);"#;
    assert_eq!(json!([]), chat.browser.run(foreign).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_own_script_cannot_turn_text_into_markup() {
    let chat = Chat::open().await;
    let attempt = "try { document.querySelector('h1').innerHTML = '<img src=x onerror=\"window.hacked=1\">'; return 'done'; } \
        catch (error) { return error.name; }";
    assert_eq!("TypeError", chat.browser.run(attempt).await);
    let inline = "const script = document.createElement('script'); try { script.text = 'window.hacked=1'; } catch {} \
        document.body.append(script); script.remove(); return window.hacked ?? null;";
    assert_eq!(Value::Null, chat.browser.run(inline).await);
}
