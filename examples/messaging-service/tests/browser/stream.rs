//! The page keeps up, whatever happens to its connection.

use crate::chat::{BUBBLES, CUSTOMER, Service, chat_url, text};
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tests::harness::browser::Browser;
use tests::harness::listener::listen;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A line between the browser and the service that can be cut.
struct Line {
    url: String,
    whole: watch::Sender<bool>,
}

impl Line {
    async fn to(service: &Service) -> Self {
        let to: SocketAddr = service.url.trim_start_matches("http://").parse().unwrap();
        let listener = listen();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let whole = watch::Sender::new(true);
        let state = whole.subscribe();
        tokio::spawn(async move {
            while let Ok((mut browser, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    if !*state.borrow_and_update() {
                        return;
                    }
                    let mut service = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut browser, &mut service) => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { url, whole }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_break_the_page_shows_what_it_missed_once_and_in_order() {
    let (service, browser) = (Service::start().await, Browser::start(412, 860).await);
    let line = Line::to(&service).await;
    service.deliver(&text("1")).await;
    browser.open(&chat_url(&line.url, CUSTOMER)).await;
    service.deliver(&text("2")).await;
    browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["1", "2"])).await;
    for round in [["3", "4"], ["5", "6"]] {
        line.whole.send_replace(false);
        browser.wait_until("document.getElementById('status').textContent.startsWith('Connecting')").await;
        for words in round {
            service.deliver(&text(words)).await;
        }
        line.whole.send_replace(true);
        browser
            .wait_for("document.querySelector('#entries').lastChild.textContent", |last| {
                last.as_str().is_some_and(|last| last.contains(round[1]))
            })
            .await;
        browser.wait_until("document.getElementById('status').textContent.startsWith('You are')").await;
    }
    assert_eq!(json!(["1", "2", "3", "4", "5", "6"]), browser.run(&format!("return {BUBBLES};")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_service_the_page_goes_on_below_what_it_has() {
    let (service, browser) = (Service::start().await, Browser::start(412, 860).await);
    browser.open(&service.chat_url(CUSTOMER)).await;
    service.deliver(&text("before")).await;
    browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["before"])).await;
    let service = service.restart().await;
    service.deliver(&text("after")).await;
    browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["before", "after"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_loaded_again_shows_the_same() {
    let (service, browser) = (Service::start().await, Browser::start(412, 860).await);
    for words in ["1", "2", "3"] {
        service.deliver(&text(words)).await;
    }
    for _ in 0..2 {
        browser.open(&service.chat_url(CUSTOMER)).await;
        browser.wait_for(BUBBLES, |bubbles| *bubbles == json!(["1", "2", "3"])).await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen() {
    let service = Service::start().await;
    for words in ["1", "2", "3"] {
        service.deliver(&text(words)).await;
    }
    let all = events(&service, None, 3).await;
    assert_eq!(vec!["1", "2", "3"], texts(&all));
    assert_eq!(vec!["2", "3"], texts(&events(&service, Some(&all[0].0), 2).await));
    assert_eq!(vec!["1", "2", "3"], texts(&events(&service, Some("no event of ours"), 3).await));
}

fn texts(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, entry)| entry["text"].as_str().unwrap()).collect()
}

/// So many events of the stream, each with its id.
async fn events(service: &Service, last: Option<&str>, count: usize) -> Vec<(String, Value)> {
    let mut request = service.http.get(format!("{}/customers/{CUSTOMER}/events", service.url));
    request = request.header(ACCEPT, "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let mut response = request.send().await.unwrap();
    let (mut stream, mut events) = (String::new(), Vec::new());
    while events.len() < count {
        stream
            .push_str(&String::from_utf8(response.chunk().await.unwrap().expect("the stream goes on").into()).unwrap());
        while let Some((event, rest)) = stream.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                events.push((id, serde_json::from_str(&data).unwrap()));
            }
            stream = rest.to_owned();
        }
    }
    events
}
