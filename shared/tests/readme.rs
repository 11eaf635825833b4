//! What the README shows is true.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)] // tests fail by panicking

use serde_json::{Value, json};
use shared::delivery::Delivery;
use shared::envelope::Envelope;
use shared::integration::Integration;
use shared::platform::PlatformName;

const README: &str = include_str!("../../README.md");

/// The JSON documents in the README, in their order.
fn documents() -> Vec<Value> {
    README
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect()
}

#[test]
fn the_configurations_it_shows_are_accepted() {
    let configurations: Vec<_> =
        documents().into_iter().filter(|document| document.get("platform").is_some()).collect();
    assert_eq!(3, configurations.len(), "one of each platform");
    for configuration in configurations {
        let faults = Integration::parse("acme".parse().unwrap(), &configuration.to_string()).err();
        assert_eq!(None, faults, "{}", configuration["platform"]);
    }
}

#[test]
fn the_delivery_it_shows_is_what_the_messaging_service_gets() {
    let sample = include_str!("../../tests/fixtures/genesys-cloud/wire/text.json")
        .replace("<Messaging Platform Message ID>", "d7d58935af65a45e5234ac77de017a0a")
        .replace("<Integration ID>", "73cb7fb7-c2db-4996-88f3-0a83a4fea1da")
        .replace("<Customer>", "customer-17")
        .replace("<Time>", "2026-01-02T03:04:05.678Z");
    let received_at = "2026-01-02T03:04:06Z".parse().unwrap();
    let envelope =
        Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, received_at, sample.as_bytes()).unwrap();
    let message = envelope.message().unwrap();
    let body = Delivery::new(&envelope, &message).to_body().unwrap();
    let mut delivered: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sample).unwrap(), delivered["data"]["original"]);
    delivered["data"]["original"] = json!({"…": "the platform's JSON, byte for byte"});
    let shown = documents().into_iter().find(|document| document.get("type").is_some()).unwrap();
    assert_eq!(shown, delivered);
}
