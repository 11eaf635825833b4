//! Profiles, and what integrations do without them.

use super::super::Kind;
use super::integrations::{PATH, acme};
use super::{Client, INTEGRATION, inbound, within};
use reqwest::StatusCode;
use serde_json::{Value, json};

const SETTINGS: &str = "/api/v2/conversations/messaging/settings";

#[tokio::test]
async fn a_new_profile_is_found_from_the_second_read_on_and_can_then_be_assigned() {
    let client = Client::start().await;
    let made = client.done(SETTINGS, &json!({"name": "Patchbay"})).await;
    let reference = json!({"id": made["id"]});
    let mut integration = acme();
    integration["messagingSetting"] = reference.clone();
    assert_eq!(StatusCode::BAD_REQUEST, client.post(PATH, &integration).await.0);
    let one = format!("{SETTINGS}/{}", made["id"].as_str().unwrap());
    assert_eq!(StatusCode::NOT_FOUND, client.get(&one).await.0);
    assert_eq!(StatusCode::OK, client.get(&one).await.0);
    let assigned = client.done(PATH, &integration).await["messagingSetting"].take();
    assert_eq!((&made["id"], &json!("Patchbay"), None), (&assigned["id"], &assigned["name"], assigned.get("event")));
}

#[tokio::test]
async fn an_update_clears_what_it_leaves_out() {
    let client = Client::start().await;
    let typing = json!({"typing": {"on": {"inbound": "Enabled"}}});
    let id = client.platform.add_profile(Kind::MessagingSetting, json!({"name": "Patchbay", "event": typing}));
    let (_, changed) = client.patch(&format!("{SETTINGS}/{id}"), &json!({"name": "Other"})).await;
    assert_eq!((&json!("Other"), None), (&changed["name"], changed.get("event")));
}

#[tokio::test]
async fn typing_is_not_shown_to_the_other_side_unless_a_messaging_setting_enables_it() {
    let client = Client::start().await;
    client.platform.add_integration(INTEGRATION, "http://127.0.0.1:9/", "0123456789abcdef");
    let conversation = client.platform.open_conversation(INTEGRATION, "c");
    let channel = json!({"from": {"id": "c", "idType": "Opaque"}, "time": "2026-01-02T03:04:05.678Z"});
    let customers = json!({"channel": channel, "events": [{"eventType": "Typing"}]});
    let agents = json!({"typing": {"type": "On"}});
    client.platform.connect("http://127.0.0.1:9/", "0123456789abcdef", INTEGRATION);
    client.done(&inbound("event"), &customers).await;
    client.done(&within(&conversation, "typing"), &agents).await;
    assert_eq!((0, 0), (client.platform.shown_typing("c"), client.platform.finished_webhooks().await.len()));
    client.platform.allow_everything(INTEGRATION);
    client.done(&inbound("event"), &customers).await;
    assert_eq!(1, client.platform.shown_typing("c"));
}

#[tokio::test]
async fn files_of_customers_that_are_not_allowed_are_left_out() {
    let client = Client::start().await;
    client.platform.add_integration(INTEGRATION, "http://127.0.0.1:9/", "0123456789abcdef");
    let file =
        json!({"attachment": {"mediaType": "File", "url": "https://example.com/a.pdf", "mime": "application/pdf"}});
    let message = |id: &str| {
        let mut message = super::message("c", id);
        message["content"] = json!([file]);
        message
    };
    let files = |answer: &Value| answer["content"].as_array().unwrap().len();
    assert_eq!(1, files(&client.done(&inbound("message"), &message("m-1")).await), "by default all are allowed");
    let images = json!({"name": "Images", "mediaTypes": {"allow": {"inbound": [{"type": "image/*"}]}}});
    let images = client.platform.add_profile(Kind::SupportedContent, images);
    client.platform.assign_profile(INTEGRATION, Kind::SupportedContent, &images);
    assert_eq!(0, files(&client.done(&inbound("message"), &message("m-2")).await));
}
