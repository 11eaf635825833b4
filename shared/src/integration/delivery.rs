//! Where an integration's messages for customers go: to the company's messaging service, or to a channel.

use super::caller::signing_secret;
use crate::channel::{ATTEMPT_TIMEOUT, ChannelConfig};
use crate::http_client::{OutboundUrl, TIMEOUT};
use crate::json::fields::{Fields, integer_in, list, text};
use crate::model::integration_name::IntegrationName;
use crate::signature::standard_webhooks::SigningSecret;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

const DEFAULT_GIVE_UP_SECONDS: u64 = 6 * 3600;

/// At most three days: with a delay of at least seven and a half minutes between late attempts, a message is received far
/// less often than the `maxReceiveCount` of 1,000, after which it would be moved to the dead-letter queue.
pub const GIVE_UP_SECONDS: RangeInclusive<u64> = 1..=3 * 24 * 3600;

/// How long an attempt waits for the messaging service. The longest is the timeout of every call.
pub const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=TIMEOUT.as_secs();

/// Where messages for customers go.
#[derive(Debug)]
pub enum Destination {
    MessagingService(DeliveryConfig),
    Channel(ChannelDestination),
}

impl Destination {
    /// The age at which an undelivered message expires.
    #[must_use]
    pub fn give_up_after(&self) -> Duration {
        match self {
            Self::MessagingService(delivery) => delivery.give_up_after,
            Self::Channel(channel) => channel.give_up_after,
        }
    }

    /// How long an attempt takes at most.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        match self {
            Self::MessagingService(delivery) => delivery.timeout,
            Self::Channel(_) => ATTEMPT_TIMEOUT,
        }
    }

    #[must_use]
    pub fn receipts(&self) -> ReceiptMode {
        match self {
            Self::MessagingService(delivery) => delivery.receipts,
            Self::Channel(channel) if channel.config.reports_status() => ReceiptMode::Explicit,
            Self::Channel(_) => ReceiptMode::OnAccept,
        }
    }

    #[must_use]
    pub fn messaging_service(&self) -> Option<&DeliveryConfig> {
        match self {
            Self::MessagingService(delivery) => Some(delivery),
            Self::Channel(_) => None,
        }
    }

    #[must_use]
    pub fn channel(&self) -> Option<&ChannelConfig> {
        match self {
            Self::MessagingService(_) => None,
            Self::Channel(channel) => Some(&channel.config),
        }
    }

    /// Reads the member `delivery` or `channel` of a configuration.
    pub(super) fn read(integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        let has_channel = fields.has("channel");
        if has_channel && fields.has("delivery") {
            fields.error_here("must have either `delivery` or `channel`");
        }
        let channel = fields.optional_object("channel", |fields| ChannelDestination::read(integration, fields));
        if has_channel {
            fields.optional_object("delivery", DeliveryConfig::read);
            channel.map(Self::Channel)
        } else {
            fields.object("delivery", DeliveryConfig::read).map(Self::MessagingService)
        }
    }
}

/// A provider that reaches customers in place of a messaging service.
#[derive(Debug)]
pub struct ChannelDestination {
    pub config: ChannelConfig,
    give_up_after: Duration,
}

impl ChannelDestination {
    fn read(integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        let give_up_after = give_up_after(fields);
        Some(Self { config: ChannelConfig::read(integration, fields)?, give_up_after })
    }
}

fn give_up_after(fields: &mut Fields<'_>) -> Duration {
    let seconds = fields.optional("giveUpAfterSeconds", integer_in("seconds", GIVE_UP_SECONDS));
    Duration::from_secs(seconds.unwrap_or(DEFAULT_GIVE_UP_SECONDS))
}

/// How messages are delivered to the company's messaging service.
#[derive(Debug)]
pub struct DeliveryConfig {
    pub url: OutboundUrl,
    /// Deliveries are signed with each of them, so that the messaging service can rotate its secret.
    pub signing_secrets: Vec<SigningSecret>,
    /// The age at which an undelivered message expires.
    pub give_up_after: Duration,
    /// How long an attempt waits for the response.
    pub timeout: Duration,
    pub receipts: ReceiptMode,
}

/// When a message is reported to the platform as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptMode {
    /// When the messaging service sends a receipt.
    #[default]
    Explicit,
    /// As soon as the messaging service accepts it.
    OnAccept,
}

impl DeliveryConfig {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.required("url", url);
        let signing_secrets = fields.required("signingSecrets", list(signing_secret));
        let give_up_after = give_up_after(fields);
        let timeout = fields.optional("timeoutSeconds", integer_in("seconds", TIMEOUT_SECONDS));
        let receipts = fields.optional("receipts", receipt_mode);
        Some(Self {
            url: url?,
            signing_secrets: signing_secrets?,
            give_up_after,
            timeout: timeout.map_or(TIMEOUT, Duration::from_secs),
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
