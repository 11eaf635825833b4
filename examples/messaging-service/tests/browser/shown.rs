//! What the customer sees.

use crate::chat::{BUBBLES, CUSTOMER, Chat, Service, entries, sample, text};
use serde_json::json;
use tests::harness::browser::Browser;
use tests::simulators::genesys_cloud::WIRE;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_message_is_shown() {
    let chat = Chat::open().await;
    for kind in WIRE.iter().map(|sample| sample.name).filter(|name| *name != "typing") {
        chat.deliver(&sample(kind, CUSTOMER)).await;
    }
    chat.service.deliver(&sample("typing", CUSTOMER)).await;
    chat.browser.wait_until("!document.getElementById('typing').hidden").await;

    let shown = chat.browser.run("return document.getElementById('log').innerText;").await;
    for words in [
        "Héllo 👋 your parcel is on its way.",
        "map.png",
        "Order 12345",
        "Your order 12345 shipped on Friday.",
        "Track it",
        "Acme Ltd",
        "Did that answer your question?",
        "When may we call you?",
        "Garden room",
        "From 120 euros a night, breakfast included.",
        "See the room",
        "Book it",
        "Harbour room",
        "When may we come?",
        "The visit takes half an hour.",
        "Published",
        "Failed: The conversation has ended.",
        "Acme Support is typing",
    ] {
        assert!(shown.as_str().unwrap().contains(words), "{words:?} is missing in {shown}");
    }
    assert_eq!(1, shown.as_str().unwrap().matches("Your order 12345 shipped on Friday.").count(), "{shown}");
    let buttons = "return [...document.querySelectorAll('#log button')].map((button) => button.textContent);";
    let buttons = chat.browser.run(buttons).await;
    for label in ["Yes", "No", "Morning", "Evening", "Book it"] {
        assert!(buttons.as_array().unwrap().contains(&label.into()), "{label}: {buttons}");
    }
    assert_eq!("Acme Support", chat.browser.run("return document.querySelector('h1').textContent;").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_stand_in_the_order_in_which_they_came_and_the_last_one_is_in_sight() {
    let chat = Chat::open().await;
    let texts: Vec<_> = (1..=30).map(|number| format!("message {number}")).collect();
    for words in &texts {
        chat.service.deliver(&text(words)).await;
    }
    chat.browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(texts)).await;
    let in_sight = "document.querySelector('#entries').lastChild.getBoundingClientRect().bottom \
        <= document.querySelector('#log').getBoundingClientRect().bottom";
    chat.browser.wait_until(in_sight).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_again_is_shown_once() {
    let chat = Chat::open().await;
    let message = text("once");
    chat.deliver(&message).await;
    chat.service.deliver(&message).await;
    chat.deliver(&text("and another")).await;
    assert_eq!(json!(["once", "and another"]), chat.browser.run(&format!("return {BUBBLES};")).await);
    let listed = chat.service.http.get(format!("{}/deliveries", chat.service.url)).send().await.unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed.bytes().await.unwrap()).unwrap();
    assert_eq!(3, listed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typing_indicator_goes_when_its_time_is_over_or_the_message_is_there() {
    let chat = Chat::open().await;
    let mut typing = sample("typing", CUSTOMER);
    // What is over before it gets to the page is not shown at all, and may be so on a busy machine if it is much shorter.
    typing["events"][0]["typing"]["duration"] = 5_000.into();
    // It may yet be over before the test looks: the page itself remembers that it was there.
    let watch = "new MutationObserver(() => { if (!document.getElementById('typing').hidden) window.typed = true; })\
        .observe(document.getElementById('typing'), { attributes: true });";
    chat.browser.run(watch).await;
    chat.service.deliver(&typing).await;
    chat.browser.wait_until("window.typed === true && document.getElementById('typing').hidden").await;

    chat.service.deliver(&sample("typing", CUSTOMER)).await;
    chat.browser.wait_until("!document.getElementById('typing').hidden").await;
    chat.deliver(&text("here it is")).await;
    chat.browser.wait_until("document.getElementById('typing').hidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_open_in_a_new_tab_that_knows_nothing_of_this_one() {
    let chat = Chat::open().await;
    chat.deliver(&sample("card", CUSTOMER)).await;
    chat.deliver(&sample("template", CUSTOMER)).await;
    let links = "return [...document.querySelectorAll('#log a')].map((link) => [link.textContent, link.href, link.target, link.rel]);";
    let link = |text: &str, url: &str| json!([text, url, "_blank", "noopener noreferrer"]);
    let expected = json!([
        link("Garden room", "https://example.com/rooms/garden"),
        link("See the room", "https://example.com/rooms/garden"),
        link("Track it", "https://example.com/track/12345"),
    ]);
    assert_eq!(expected, chat.browser.run(links).await);
    chat.browser.click(".actions a").await;
    chat.browser.wait_for_windows(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_shown_with_its_text_and_a_picture_that_cannot_be_had_is_a_link() {
    let chat = Chat::open().await;
    let mut picture = sample("media", CUSTOMER);
    picture["content"][0]["attachment"]["url"] = format!("{}/icon.svg", chat.service.url).into();
    picture["content"][0]["attachment"]["text"] = "Where to find us".into();
    chat.deliver(&picture).await;
    chat.browser.wait_until("document.querySelector('.media img').naturalWidth > 0").await;
    assert_eq!("Where to find us", chat.browser.run("return document.querySelector('.media img').alt;").await);

    chat.deliver(&sample("media", CUSTOMER)).await;
    chat.browser.wait_until("document.querySelector('li:last-child .file a')?.textContent === 'map.png'").await;

    let mut card = sample("card", CUSTOMER);
    card["content"][0]["card"]["image"] = format!("{}/icon.svg", chat.service.url).into();
    card["content"][0]["card"]["imageAltText"] = "The garden room".into();
    chat.deliver(&card).await;
    chat.browser.wait_until("document.querySelector('.card img')?.alt === 'The garden room'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_endless_the_beginning_is_shown() {
    let chat = Chat::open().await;
    let mut card = sample("card", CUSTOMER);
    for field in ["title", "description"] {
        card["content"][0]["card"][field] = "T".repeat(250_000).into();
    }
    chat.deliver(&card).await;
    chat.browser.wait_until("document.querySelector('.card .heading')?.textContent.length === 20001").await;
    chat.deliver(&text("and then?")).await;
    chat.browser.wait_until("document.querySelector('#log').textContent.includes('and then?')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_does_not_know_is_said_quietly() {
    let chat = Chat::open().await;
    let mut unknown = sample("card", CUSTOMER);
    unknown["content"][0] = json!({"contentType": "Location", "location": {"latitude": 1}});
    chat.deliver(&unknown).await;
    let mut other = text("");
    other["type"] = "Dance".into();
    chat.deliver(&other).await;
    let notes = "[...document.querySelectorAll('#log .note')].map((note) => note.textContent.split(': ')[1])";
    chat.browser.wait_for(notes, |notes| *notes == json!(["Location", "Dance"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_customer_the_page_lists_all_and_leads_to_each() {
    let (service, browser) = (Service::start().await, Browser::start(1100, 900).await);
    browser.open(&service.url).await;
    browser.wait_until("!document.getElementById('nobody').hidden && !document.getElementById('chooser').hidden").await;
    service.deliver(&sample("text", "a/b c?d")).await;
    service.deliver(&sample("card", CUSTOMER)).await;
    let names = "[...document.querySelectorAll('#customers .name')].map((name) => name.textContent)";
    browser.wait_for(names, |names| *names == json!([CUSTOMER, "a/b c?d"])).await;
    browser.click("#customers li:last-child a").await;
    browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["Héllo 👋 your parcel is on its way."])).await;
    assert_eq!(1, entries(&browser).await);
}
