//! `make bench-parts`: the pure functions on a message's path, by size and shape.

#![allow(clippy::expect_used)] // a failed measurement ends the program

use bench::webhooks::{INTEGRATION_ID, SECRET, Shape, signature};
use divan::{Bencher, black_box};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json;
use shared::delivery::envelope::{Envelope, QueueMessage};
use shared::delivery::payload::DeliveryPayload;
use shared::integration::Integration;
use shared::json::{i_json, limits};
use shared::observability::logging;
use shared::platform::{PlatformConfig, PlatformName};
use shared::signature::{hub, standard_webhooks};
use tracing::error_span;

fn main() {
    divan::main();
}

const SHAPES: [Shape; 7] = [
    Shape::Text(700),
    Shape::Text(2_000),
    Shape::Text(100_000),
    Shape::Text(900_000),
    Shape::Nested(10_000),
    Shape::Nested(50_000),
    Shape::Nested(100_000),
];

const PLATFORM: PlatformName = PlatformName::GenesysCloud;
const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn body(shape: Shape) -> String {
    shape.body("message-1", "customer-17", "2026-01-02T03:04:05.678Z")
}

fn envelope(body: &str) -> Envelope {
    Envelope::new("acme".parse().expect("a name"), PLATFORM, Timestamp::UNIX_EPOCH, body.as_bytes()).expect("JSON")
}

fn platform() -> PlatformConfig {
    let integration = json!({
        "platform": "genesys-cloud", "domain": "eu-central-1", "integrationId": INTEGRATION_ID,
        "clientId": "client", "clientSecret": "client-secret", "webhookSecrets": [SECRET],
        "delivery": {"url": "https://example.com/", "signingSecrets": [SIGNING_SECRET]},
    });
    let name = "acme".parse().expect("a name");
    Integration::parse(name, &integration.to_string()).expect("a valid configuration").platform
}

/// Verify a webhook's signature.
#[divan::bench(args = SHAPES)]
fn verify(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    let header = signature(&body).parse().expect("a header value");
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-hub-signature-256"), header)]);
    let secrets = [SECRET.into()];
    bencher.bench(|| hub::verify_sha256(black_box(&headers), black_box(body.as_bytes()), &secrets));
}

/// Check depth and number of values.
#[divan::bench(args = SHAPES)]
fn bounds(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    bencher.bench(|| limits::check(black_box(body.as_bytes())));
}

/// Normalise the JSON.
#[divan::bench(args = SHAPES)]
fn normalize(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    bencher.bench(|| i_json::normalized(black_box(body.as_bytes())).map(|body| body.len()));
}

/// Read what identifies the message, in the receiver.
#[divan::bench(args = SHAPES)]
fn accept(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    let platform = platform();
    bencher.bench(|| platform.parse_webhook(black_box(body.as_bytes()), Timestamp::UNIX_EPOCH));
}

/// Parse all of the message, in the dispatcher.
#[divan::bench(args = SHAPES)]
fn parse(bencher: Bencher<'_, '_>, shape: Shape) {
    let envelope = envelope(&body(shape));
    bencher.bench(|| black_box(&envelope).message());
}

/// Write the text for the queue.
#[divan::bench(args = SHAPES)]
fn write_envelope(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    bencher.bench(|| envelope(black_box(&body)).to_json());
}

/// Read the text from the queue.
#[divan::bench(args = SHAPES)]
fn read_envelope(bencher: Bencher<'_, '_>, shape: Shape) {
    let text = envelope(&body(shape)).to_json().expect("JSON");
    bencher.bench(|| QueueMessage::read(black_box(&text)));
}

/// Write the body of the delivery.
#[divan::bench(args = SHAPES)]
fn write_delivery(bencher: Bencher<'_, '_>, shape: Shape) {
    let envelope = envelope(&body(shape));
    let message = envelope.message().expect("a message");
    bencher.bench(|| DeliveryPayload::new(black_box(&envelope), black_box(&message)).to_body());
}

/// Sign the delivery.
#[divan::bench(args = SHAPES)]
fn sign(bencher: Bencher<'_, '_>, shape: Shape) {
    let body = body(shape);
    let secret = standard_webhooks::SigningSecret::parse(SIGNING_SECRET);
    let secrets = [secret.expect("a secret")];
    bencher.bench(|| standard_webhooks::sign(&secrets, "id", Timestamp::UNIX_EPOCH, black_box(body.as_bytes())));
}

/// Write a log line of nine fields within two spans.
#[divan::bench]
fn log_line(bencher: Bencher<'_, '_>) {
    let write = || {
        let _batch = error_span!("batch", request_id = "8f1c2b34-5d6e-4f70-8a91-b2c3d4e5f607").entered();
        let ids = error_span!(
            "message",
            integration = "acme",
            trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
            message_id = "c327c2078ca056db130c55ce648d9fa2",
            conversation_id = "0d6a3c1f-5b7e-4a29-9c48-e1f2a3b4c5d6",
            kind = "text",
        );
        let _message = ids.entered();
        tracing::info!(outcome = "delivered", age_seconds = black_box(0.25), milliseconds = black_box(112_u64));
    };
    let subscriber = logging::subscriber("parts", "INFO", |line| {
        black_box(line);
    });
    tracing::subscriber::with_default(subscriber, || bencher.bench_local(write));
}
