//! The JSON in the documents.

use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::delivery::payload::DeliveryPayload;
use shared::integration::Integration;
use shared::platform::PlatformName;
use tests::spec::documents::Document;

fn json_of(document: &Document) -> Vec<Value> {
    let parse = |code: &str| serde_json::from_str(code).unwrap_or_else(|error| panic!("{code}: {error}"));
    document.blocks_in("json").map(|block| parse(&block.code)).collect()
}

#[test]
fn the_configurations_shown_are_accepted() {
    let all = Document::all();
    let configurations: Vec<_> =
        all.iter().flat_map(json_of).filter(|document| document.get("platform").is_some()).collect();
    for platform in PlatformName::ALL.map(PlatformName::as_str) {
        assert!(configurations.iter().any(|shown| shown["platform"] == platform), "one of {platform}");
    }
    for configuration in configurations {
        let faults = Integration::parse("acme".parse().unwrap(), &configuration.to_string()).err();
        assert_eq!(None, faults, "{}", configuration["platform"]);
    }
}

#[test]
fn the_sample_delivery_is_what_the_messaging_service_gets() {
    let sample = include_str!("../fixtures/genesys-cloud/wire/text.json")
        .replace("<Messaging Platform Message ID>", "d7d58935af65a45e5234ac77de017a0a")
        .replace("<Integration ID>", "73cb7fb7-c2db-4996-88f3-0a83a4fea1da")
        .replace("<Customer>", "customer-17")
        .replace("<Time>", "2026-01-02T03:04:05.678Z");
    let received_at = "2026-01-02T03:04:06Z".parse().unwrap();
    let envelope =
        Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, received_at, sample.as_bytes()).unwrap();
    let message = envelope.message().unwrap();
    let body = DeliveryPayload::new(&envelope, &message).to_body().unwrap();
    let mut delivered: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sample).unwrap(), delivered["data"]["original"]);
    delivered["data"]["original"] = json!({"…": "the platform's JSON, byte for byte"});
    let shown = json_of(&Document::read("docs/messaging-service.md")).into_iter();
    assert_eq!(Some(delivered), shown.into_iter().find(|document| document.get("type").is_some()));
}
