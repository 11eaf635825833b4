//! The channel's part of an integration's configuration.

use super::calls::ChannelPart;
use crate::channel::address::{ChannelAddress, base_url};
use crate::channel::event::ChannelEvent;
use crate::channel::message::{ChannelMessage, Unsupported};
use crate::channel::provider::{Acknowledgement, Provider, ProviderRequest, TrialRequest};
use crate::channel::seal::Sealer;
use crate::channel::telegram::config::Config as TelegramConfig;
use crate::channel::twilio::config::Config as TwilioConfig;
use crate::json::fields::{FieldError, Fields};
use crate::model::channel_name::ChannelName;
use crate::model::integration_name::IntegrationName;
use crate::signature::{MatchedSecret, SignatureError};

impl ChannelName {
    /// Whether customers are addressed by their phone numbers.
    #[must_use]
    pub fn reaches_phones(self) -> bool {
        match self {
            Self::Twilio => TwilioConfig::REACHES_PHONES,
            Self::Telegram => TelegramConfig::REACHES_PHONES,
        }
    }
}

/// The channel's part of an integration's configuration.
#[derive(Debug)]
pub enum ChannelConfig {
    Twilio(Box<TwilioConfig>),
    Telegram(Box<TelegramConfig>),
}

impl ChannelConfig {
    /// Reads the members of `channel` that are the channel's own.
    pub fn read(integration: &IntegrationName, fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("kind", ChannelName::from_field);
        let address = fields.required("publicUrl", base_url).map(|url| ChannelAddress::new(&url, integration));
        match name? {
            ChannelName::Twilio => {
                TwilioConfig::read(integration, address, fields).map(|config| Self::Twilio(Box::new(config)))
            }
            ChannelName::Telegram => {
                TelegramConfig::read(integration, address, fields).map(|config| Self::Telegram(Box::new(config)))
            }
        }
    }

    #[must_use]
    pub fn name(&self) -> ChannelName {
        match self {
            Self::Twilio(_) => ChannelName::Twilio,
            Self::Telegram(_) => ChannelName::Telegram,
        }
    }

    /// The public address of the integration's channel routes.
    #[must_use]
    pub fn address(&self) -> &ChannelAddress {
        match self {
            Self::Twilio(config) => &config.address,
            Self::Telegram(config) => &config.address,
        }
    }

    /// Seals what the addresses hold that a provider or a platform calls.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        match self {
            Self::Twilio(config) => &config.sealer,
            Self::Telegram(config) => &config.sealer,
        }
    }

    #[must_use]
    pub fn acknowledgement(&self) -> Acknowledgement {
        match self {
            Self::Twilio(_) => TwilioConfig::ACKNOWLEDGEMENT,
            Self::Telegram(_) => TelegramConfig::ACKNOWLEDGEMENT,
        }
    }

    /// Whether customers are addressed by their phone numbers.
    #[must_use]
    pub fn reaches_phones(&self) -> bool {
        self.name().reaches_phones()
    }

    /// The customer's address as the provider itself writes it, so that what is kept under it is found again.
    #[must_use]
    pub fn canonical_address(&self, address: String) -> String {
        let canonical = match self {
            Self::Twilio(config) => config.canonical_address(&address),
            Self::Telegram(config) => config.canonical_address(&address),
        };
        canonical.unwrap_or(address)
    }

    /// Whether customers answer with the number of an option.
    #[must_use]
    pub fn numbers_options(&self) -> bool {
        match self {
            Self::Twilio(_) => TwilioConfig::NUMBERS_OPTIONS,
            Self::Telegram(_) => TelegramConfig::NUMBERS_OPTIONS,
        }
    }

    /// Whether the provider reports the delivery status of a message that it accepted.
    #[must_use]
    pub fn reports_status(&self) -> bool {
        match self {
            Self::Twilio(_) => TwilioConfig::REPORTS_STATUS,
            Self::Telegram(_) => TelegramConfig::REPORTS_STATUS,
        }
    }

    /// Whether customers can see that an agent types.
    #[must_use]
    pub fn shows_typing(&self) -> bool {
        match self {
            Self::Twilio(_) => TwilioConfig::SHOWS_TYPING,
            Self::Telegram(_) => TelegramConfig::SHOWS_TYPING,
        }
    }

    /// Whether the provider holds back later events until one is accepted.
    #[must_use]
    pub fn waits_for_acceptance(&self) -> bool {
        match self {
            Self::Twilio(_) => TwilioConfig::WAITS_FOR_ACCEPTANCE,
            Self::Telegram(_) => TelegramConfig::WAITS_FOR_ACCEPTANCE,
        }
    }

    /// Verifies that the provider sent the request; returns which secret matched.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn verify(&self, request: &ProviderRequest<'_>) -> Result<MatchedSecret, SignatureError> {
        match self {
            Self::Twilio(config) => config.verify(request),
            Self::Telegram(config) => config.verify(request),
        }
    }

    /// A request that is proved by the current secret, and is acknowledged and ignored.
    #[must_use]
    pub fn trial_request(&self) -> TrialRequest {
        match self {
            Self::Twilio(config) => config.trial_request(),
            Self::Telegram(config) => config.trial_request(),
        }
    }

    /// Parses a verified request.
    ///
    /// # Errors
    /// It cannot be parsed, and the provider wants to know that.
    pub fn parse(&self, request: &ProviderRequest<'_>) -> Result<Vec<ChannelEvent>, FieldError> {
        match self {
            Self::Twilio(config) => config.parse(request),
            Self::Telegram(config) => config.parse(request),
        }
    }

    /// The parts of a message, in their order; at least one. The same message always has the same parts.
    ///
    /// # Errors
    /// The channel has no form for it.
    pub fn render(&self, message: &ChannelMessage<'_>) -> Result<Vec<ChannelPart>, Unsupported> {
        Ok(match self {
            Self::Twilio(config) => config.render(message)?.into_iter().map(ChannelPart::Twilio).collect(),
            Self::Telegram(config) => config.render(message)?.into_iter().map(ChannelPart::Telegram).collect(),
        })
    }
}
