use super::caller::signing_secret;
use crate::http_client::OutboundUrl;
use crate::json::fields::{Fields, list, text, whole_number};
use crate::signature::standard_webhooks::SigningSecret;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long we try to deliver a message unless the configuration says otherwise.
const DEFAULT_GIVE_UP_SECONDS: u64 = 6 * 3600;

/// Three days at the longest: with a wait of at least seven and a half minutes between late attempts, a message is
/// received from the queue far less often than the thousand times after which the queue itself would set it aside.
const GIVE_UP_SECONDS: RangeInclusive<u64> = 1..=3 * 24 * 3600;

/// How messages reach the company's messaging service.
#[derive(Debug)]
pub struct DeliveryConfig {
    /// Where to post them.
    pub url: OutboundUrl,
    /// What to sign them with: a signature for each, so that the messaging service can rotate.
    pub signing_secrets: Vec<SigningSecret>,
    /// The age at which an undelivered message is given up.
    pub give_up_after: Duration,
    /// When the platform hears that a message was delivered.
    pub receipts: ReceiptMode,
}

/// When the platform hears that a message was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptMode {
    /// When the messaging service says so.
    #[default]
    Explicit,
    /// As soon as the messaging service accepts it.
    OnAccept,
}

impl DeliveryConfig {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.required("url", url);
        let signing_secrets = fields.required("signingSecrets", list(signing_secret));
        let give_up_after = fields.optional("giveUpAfterSeconds", whole_number("seconds", GIVE_UP_SECONDS));
        let receipts = fields.optional("receipts", receipt_mode);
        Some(Self {
            url: url?,
            signing_secrets: signing_secrets?,
            give_up_after: Duration::from_secs(give_up_after.unwrap_or(DEFAULT_GIVE_UP_SECONDS)),
            receipts: receipts.unwrap_or_default(),
        })
    }
}

fn url(value: Value) -> Result<OutboundUrl, String> {
    text(value)?.parse().map_err(|error: crate::http_client::InvalidOutboundUrl| error.to_string())
}

fn receipt_mode(value: Value) -> Result<ReceiptMode, String> {
    match value.as_str() {
        Some("explicit") => Ok(ReceiptMode::Explicit),
        Some("on-accept") => Ok(ReceiptMode::OnAccept),
        _ => Err("must be `explicit` or `on-accept`".to_owned()),
    }
}
