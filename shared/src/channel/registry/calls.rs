//! Which client makes a call.

use super::config::ChannelConfig;
use crate::channel::error::{FileError, SendError};
use crate::channel::event::{FileReference, Press};
use crate::channel::{telegram, twilio};
use crate::http_client::HttpClient;
use crate::media::MediaFetcher;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// How long an attempt to send a message takes at most, with all parts.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// A part of a message: what one call sends.
pub enum ChannelPart {
    Twilio(twilio::Part),
    Telegram(telegram::Part),
}

/// The API clients of all channels, shared by all integrations of a process. Each call ends by its `deadline`.
#[derive(Debug)]
pub struct Channels {
    twilio: twilio::api::Client,
    telegram: telegram::api::Client,
}

impl Channels {
    #[must_use]
    pub fn new(http: &HttpClient, files: MediaFetcher) -> Self {
        Self {
            twilio: twilio::api::Client::new(http.clone()),
            telegram: telegram::api::Client::new(http.clone(), files),
        }
    }

    /// Sends one part of a message, and nothing twice: the channels know no idempotency key.
    ///
    /// # Errors
    /// It was not sent, or may have been.
    pub async fn send(&self, config: &ChannelConfig, part: &ChannelPart, deadline: Instant) -> Result<(), SendError> {
        match (config, part) {
            (ChannelConfig::Twilio(config), ChannelPart::Twilio(part)) => {
                self.twilio.send(config, part, deadline).await
            }
            (ChannelConfig::Telegram(config), ChannelPart::Telegram(part)) => {
                self.telegram.send(config, part, deadline).await
            }
            _ => Err(SendError::NotCalled("the part is of another channel")),
        }
    }

    /// Shows the customer that the agent types, where that is possible. Failures are not reported: it is of no use later.
    pub async fn show_typing(&self, config: &ChannelConfig, customer: &str, deadline: Instant) {
        match config {
            ChannelConfig::Twilio(_) => {}
            ChannelConfig::Telegram(config) => self.telegram.show_typing(config, customer, deadline).await,
        }
    }

    /// Tells the provider that a press has arrived, if it waits for that. Failures are not reported.
    pub async fn acknowledge_press(&self, config: &ChannelConfig, press: &Press, deadline: Instant) {
        match config {
            ChannelConfig::Twilio(_) => {}
            ChannelConfig::Telegram(config) => self.telegram.acknowledge_press(config, press, deadline).await,
        }
    }

    /// Leaves of the options of a message that was answered by a press only the chosen one, marked. Failures are not reported.
    pub async fn show_choice(
        &self,
        config: &ChannelConfig,
        customer: &str,
        press: &Press,
        chosen: &str,
        deadline: Instant,
    ) {
        match config {
            ChannelConfig::Twilio(_) => {}
            ChannelConfig::Telegram(config) => {
                self.telegram.show_choice(config, customer, press, chosen, deadline).await;
            }
        }
    }

    /// Reads a file that a customer sent, of at most `maximum` bytes.
    ///
    /// # Errors
    /// The file is too large or gone, or the provider is unavailable.
    pub async fn read_file(
        &self,
        config: &ChannelConfig,
        reference: &FileReference,
        maximum: u64,
        deadline: Instant,
    ) -> Result<Bytes, FileError> {
        match config {
            ChannelConfig::Twilio(config) => self.twilio.read_file(config, reference, maximum, deadline).await,
            ChannelConfig::Telegram(config) => self.telegram.read_file(config, reference, maximum, deadline).await,
        }
    }
}
