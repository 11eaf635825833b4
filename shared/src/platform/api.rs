//! The caller routes, and the results of the platforms' API calls.

use http::Method;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A route of the caller API. It is serialized as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Route {
    /// `…/agentless`.
    Agentless,
    /// `…/agentless/cancel`, of a scheduled message.
    AgentlessCancel,
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
    /// `…/conversations/{conversationId}`: its state.
    ConversationsShow,
    /// `…/conversations/{conversationId}/end`.
    ConversationsEnd,
}

impl Route {
    /// All routes.
    pub const ALL: [Self; 11] = [
        Self::Agentless,
        Self::AgentlessCancel,
        Self::Receipts,
        Self::Cards,
        Self::InboundMessages,
        Self::InboundResponses,
        Self::InboundEvents,
        Self::AgentMessages,
        Self::AgentTyping,
        Self::ConversationsShow,
        Self::ConversationsEnd,
    ];

    /// The route's name in ledger keys and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agentless => "agentless",
            Self::AgentlessCancel => "agentless/cancel",
            Self::Receipts => "receipts",
            Self::Cards => "cards",
            Self::InboundMessages => "inbound/messages",
            Self::InboundResponses => "inbound/responses",
            Self::InboundEvents => "inbound/events",
            Self::AgentMessages => "agent/messages",
            Self::AgentTyping => "agent/typing",
            Self::ConversationsShow => "conversations/show",
            Self::ConversationsEnd => "conversations/end",
        }
    }

    /// The routes that a configured word selects: the route of that name, or all routes below it (`inbound`, `agent`,
    /// `conversations`).
    #[must_use]
    pub fn named(word: &str) -> Vec<Self> {
        let is_meant = |route: &Self| {
            let rest = route.as_str().strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Self::ALL.into_iter().filter(is_meant).collect()
    }

    /// The path below `/integrations/{integration}/` in the template.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AgentMessages => "conversations/{conversationId}/communications/{communicationId}/messages",
            Self::AgentTyping => "conversations/{conversationId}/communications/{communicationId}/typing",
            Self::ConversationsShow => "conversations/{conversationId}",
            Self::ConversationsEnd => "conversations/{conversationId}/end",
            other => other.as_str(),
        }
    }

    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::ConversationsShow => Method::GET,
            _ => Method::POST,
        }
    }

    /// Whether a request may have no body at all: nothing in one is required. If it is signed, it may only read.
    #[must_use]
    pub(crate) fn allows_no_body(self, is_signed: bool) -> bool {
        match self {
            Self::ConversationsShow => true,
            Self::ConversationsEnd => !is_signed,
            _ => false,
        }
    }
}

impl From<Route> for &'static str {
    fn from(route: Route) -> Self {
        route.as_str()
    }
}

impl TryFrom<String> for Route {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl FromStr for Route {
    type Err = String;

    /// Reads the name of one route.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|route| route.as_str() == name);
        named.ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// The ids of a message that the platform accepted, as far as it returns them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SentMessage {
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The conversation that it opened or was added to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The contact that it was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    /// Of an email, by which later emails and statuses refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message_id: Option<String>,
}

/// The ids of a customer's message or choice that the platform accepted, as far as it returns them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InboundAccepted {
    /// The platform's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The conversation that it was added to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The contact that the platform has for the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    /// Of an email, by which later emails refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message_id: Option<String>,
}

/// The result of looking up a user by email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserLookup {
    /// Exactly one user has the address.
    Found {
        /// The user's id.
        id: String,
        /// Whether the result came from the cache and may be stale.
        cached: bool,
    },
    /// No user has the address.
    NotFound,
    /// Several users have the address.
    Ambiguous,
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
        assert_eq!(vec![Route::ConversationsShow, Route::ConversationsEnd], Route::named("conversations"));
        assert_eq!(vec![Route::Agentless, Route::AgentlessCancel], Route::named("agentless"));
        for none in ["", "webhook", "in", "inbound/", "Receipts"] {
            assert_eq!(Vec::<Route>::new(), Route::named(none), "{none}");
        }
    }

    #[test]
    fn routes_are_named_as_in_the_log() {
        assert_eq!(Ok(Route::InboundMessages), "inbound/messages".parse());
        assert!("webhook".parse::<Route>().unwrap_err().contains("agentless, agentless/cancel, receipts, cards"));
    }

    #[test]
    fn the_template_has_these_routes_and_those_of_platforms_and_channels() {
        let template = include_str!("../../../infra/template.yaml");
        let prefix = "Path: /integrations/{integration}/";
        let declared = template.lines().filter_map(|line| line.trim().strip_prefix(prefix));
        let others = ["webhook", "channel", "channel/files/{token}", "channel/status/{token}"];
        let known = Route::ALL.iter().map(|route| route.path()).chain(others);
        assert_eq!(known.collect::<BTreeSet<_>>(), declared.collect::<BTreeSet<_>>());
    }
}
