//! Genesys Cloud webhooks by size and shape, and their signature.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The integration's webhook secret.
pub const SECRET: &str = "webhook-secret-of-the-bench";
/// The id of the open messaging integration.
pub const INTEGRATION_ID: &str = "73cb7fb7-c2db-4996-88f3-0a83a4fea1da";

/// How deep the unknown content is nested.
const DEPTH: usize = 90;

/// The content of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text message whose body has this many bytes.
    Text(usize),
    /// A message with unknown content, nested 90 levels deep, whose body has about this many bytes.
    Nested(usize),
}

impl Shape {
    /// The body of a message with this id to this customer.
    #[must_use]
    pub fn body(self, id: &str, customer: &str, time: &str) -> String {
        let mut message = json!({
            "id": id,
            "channel": {
                "id": INTEGRATION_ID, "platform": "Open", "type": "Private",
                "to": {"id": customer, "idType": "Opaque"},
                "from": {"nickname": "Acme Support", "id": INTEGRATION_ID, "idType": "Opaque"},
                "time": time, "messageId": id,
            },
            "type": "Text", "text": "", "originatingEntity": "Human", "direction": "Outbound",
            "conversationId": "5d0d331e-d2a8-4fb5-96f7-7021bef2a8ee",
        });
        let (name, value) = match self {
            Self::Text(bytes) => {
                let rest = bytes.saturating_sub(message.to_string().len());
                ("text", Value::from("Your parcel is on its way. ".chars().cycle().take(rest).collect::<String>()))
            }
            Self::Nested(bytes) => {
                let chain = (0..DEPTH).fold(json!("leaf"), |inner, _| json!({ "a": inner }));
                let count = bytes / chain.to_string().len();
                ("content", json!([{"contentType": "Unknown", "unknown": vec![chain; count]}]))
            }
        };
        if let Some(members) = message.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        message.to_string()
    }
}

/// The value of `X-Hub-Signature-256`.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    format!("sha256={}", BASE64.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_size_that_was_asked_for() {
        for bytes in [700, 2_000, 900_000] {
            assert_eq!(bytes, Shape::Text(bytes).body("id", "customer", "2026-01-02T03:04:05.678Z").len());
        }
        let nested = Shape::Nested(109_000).body("id", "customer", "2026-01-02T03:04:05.678Z");
        assert!((105_000..=110_000).contains(&nested.len()), "{}", nested.len());
    }
}
