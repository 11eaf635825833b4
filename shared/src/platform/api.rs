//! What a platform's API can be asked for.

use super::error::ApiError;
use crate::model::card::CardMessage;
use crate::model::inbound::{InboundMessage, InboundResponse, InboundTyping};
use crate::model::receipt::DeliveryReceipt;
use crate::platform::genesys_cloud::api::{AgentMessage, AgentlessMessage, Communication, Upload, UploadError};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// One of the sender routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `…/agentless`.
    Agentless,
    /// `…/receipts`.
    Receipts,
    /// `…/cards`, to a user of the platform.
    Cards,
    /// `…/inbound/messages`.
    InboundMessages,
    /// `…/inbound/responses`.
    InboundResponses,
    /// `…/inbound/events`.
    InboundEvents,
    /// `…/conversations/{conversationId}/communications/{communicationId}/messages`.
    AgentMessages,
    /// `…/conversations/{conversationId}/communications/{communicationId}/typing`.
    AgentTyping,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Agentless,
        Self::Receipts,
        Self::Cards,
        Self::InboundMessages,
        Self::InboundResponses,
        Self::InboundEvents,
        Self::AgentMessages,
        Self::AgentTyping,
    ];

    /// The route's name, as it stands in the ledger's keys and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agentless => "agentless",
            Self::Receipts => "receipts",
            Self::Cards => "cards",
            Self::InboundMessages => "inbound/messages",
            Self::InboundResponses => "inbound/responses",
            Self::InboundEvents => "inbound/events",
            Self::AgentMessages => "agent/messages",
            Self::AgentTyping => "agent/typing",
        }
    }

    /// The routes that a word names: one by its name, or all whose names begin with it and a slash (`inbound`, `agent`).
    #[must_use]
    pub fn named(word: &str) -> Vec<Self> {
        let is_meant = |route: &Self| {
            let rest = route.as_str().strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Self::ALL.into_iter().filter(is_meant).collect()
    }

    /// Its path below `/integrations/{integration}/`, as the template has it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AgentMessages => "conversations/{conversationId}/communications/{communicationId}/messages",
            Self::AgentTyping => "conversations/{conversationId}/communications/{communicationId}/typing",
            other => other.as_str(),
        }
    }
}

/// What the platform says of a message that it has taken, as far as it is ids.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SentMessage {
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The conversation that it opened or went into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// What the platform says of something that a customer did.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Posted {
    /// The platform's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The conversation that it goes into, where the platform says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
}

/// Who has an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserLookup {
    /// One user has it.
    One {
        /// The user's id.
        id: String,
        /// Whether the platform has said so just now, and not a while ago.
        fresh: bool,
    },
    /// No user has it.
    Nobody,
    /// Several users have it.
    Several,
}

/// The calls of one platform, each before `deadline`, as they are where the platform has none: [`ApiError::Unsupported`].
///
/// A platform's client has a method of its own, of the same name, for each call that the platform has. Those that send something new are never repeated where the platform may have taken it; the others are.
#[expect(unused_variables, reason = "what is not supported looks at nothing")]
#[allow(dead_code, reason = "a call that every platform has is never the default")]
pub(crate) trait PlatformApi {
    /// What an integration's configuration says of the platform.
    type Config;

    /// Tells the platform what became of a message.
    async fn post_receipt(
        &self,
        config: &Self::Config,
        receipt: &DeliveryReceipt,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Tells the platform what became of several messages, in one call.
    async fn post_receipts(
        &self,
        config: &Self::Config,
        receipts: &[&DeliveryReceipt],
        deadline: Instant,
    ) -> Result<(), ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Posts a customer's message.
    async fn post_inbound_message(
        &self,
        config: &Self::Config,
        message: &InboundMessage,
        deadline: Instant,
    ) -> Result<Posted, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Posts a customer's choice.
    async fn post_inbound_response(
        &self,
        config: &Self::Config,
        response: &InboundResponse,
        deadline: Instant,
    ) -> Result<Posted, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Says that a customer is typing.
    async fn post_inbound_typing(
        &self,
        config: &Self::Config,
        typing: &InboundTyping,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Sends a message that no agent writes.
    async fn send_agentless(
        &self,
        config: &Self::Config,
        message: &AgentlessMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Sends a card to a user's channel.
    async fn send_card(
        &self,
        config: &Self::Config,
        channel: &str,
        message: &CardMessage,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Looks a user up by e-mail address, unless that was done a short while ago.
    async fn find_user(&self, config: &Self::Config, email: &str, deadline: Instant) -> Result<UserLookup, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Forgets an address: its user turned out not to be there.
    fn forget_user(&self, config: &Self::Config, email: &str) {}

    /// Sends a message for an agent.
    async fn send_agent_message(
        &self,
        config: &Self::Config,
        communication: &Communication,
        message: &AgentMessage<'_>,
        deadline: Instant,
    ) -> Result<SentMessage, ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Says that an agent is typing.
    async fn post_agent_typing(
        &self,
        config: &Self::Config,
        communication: &Communication,
        duration: Option<Duration>,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        Err(ApiError::Unsupported)
    }

    /// Uploads a file, and returns its id once the platform has found it valid.
    async fn upload_media(
        &self,
        config: &Self::Config,
        communication: &Communication,
        upload: &Upload,
        deadline: Instant,
    ) -> Result<String, UploadError> {
        Err(ApiError::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_word_names_one_route_or_a_group_of_them() {
        assert_eq!(vec![Route::Receipts], Route::named("receipts"));
        assert_eq!(vec![Route::InboundEvents], Route::named("inbound/events"));
        assert_eq!(
            vec![Route::InboundMessages, Route::InboundResponses, Route::InboundEvents],
            Route::named("inbound")
        );
        // Not a part of the word `agentless`.
        assert_eq!(vec![Route::AgentMessages, Route::AgentTyping], Route::named("agent"));
        for none in ["", "webhook", "in", "inbound/", "Receipts"] {
            assert_eq!(Vec::<Route>::new(), Route::named(none), "{none}");
        }
    }

    #[test]
    fn the_template_has_these_routes_and_the_webhook() {
        let template = include_str!("../../../infra/template.yaml");
        let prefix = "Path: /integrations/{integration}/";
        let declared = template.lines().filter_map(|line| line.trim().strip_prefix(prefix));
        let known = Route::ALL.iter().map(|route| route.path()).chain(["webhook"]);
        assert_eq!(known.collect::<BTreeSet<_>>(), declared.collect::<BTreeSet<_>>());
    }
}
