//! The state of a conversation, and its end.

use super::{Call, Client};
use crate::model::agent::ConversationId;
use crate::model::conversation::{self, ConversationState, Ending, Presence};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A conversation has all of its messages.
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// `Conversation`: what is used of it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Conversation {
    end_time: Option<String>,
    participants: Option<Vec<Participant>>,
}

/// `Participant`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Participant {
    purpose: Option<String>,
    user_id: Option<String>,
    queue_id: Option<String>,
    messages: Option<Vec<Communication>>,
}

/// `Message`: one communication of a participant.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Communication {
    id: Option<String>,
    state: Option<String>,
    connected_time: Option<String>,
    to_address: Option<Address>,
    from_address: Option<Address>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Address {
    address_normalized: Option<String>,
    address_raw: Option<String>,
}

/// `Conversation`, as `PATCH` takes it.
#[derive(Serialize)]
struct Disconnect {
    state: &'static str,
}

impl Client {
    /// Reads a conversation. `None`: it does not exist, or no communication in it is of this integration.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn conversation(
        &self,
        config: &Config,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<conversation::Conversation>, ApiError> {
        let path = ["api", "v2", "conversations", id.as_str()];
        let call = Call::get(&path).with_maximum_response(MAX_RESPONSE_BYTES);
        let found: Option<Conversation> = self.entity(config, &call, deadline).await?;
        let found = found.filter(|found| found.is_of(&config.integration_id));
        Ok(found.map(|found| found.into_neutral(id)))
    }

    /// Disconnects all participants, unless all have left. `None`: as for [`Self::conversation`].
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn end_conversation(
        &self,
        config: &Config,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<Ending>, ApiError> {
        let Some(found) = self.conversation(config, id, deadline).await? else { return Ok(None) };
        if found.state == ConversationState::Ended {
            return Ok(Some(Ending::AlreadyEnded));
        }
        match self.disconnect(config, id, deadline).await {
            Ok(()) => Ok(Some(Ending::Ended)),
            // It may have ended since it was read, by an attempt whose response was lost or by others.
            Err(error @ (ApiError::Refused(_) | ApiError::OutcomeUnknown { .. })) => {
                match self.conversation(config, id, deadline).await {
                    Ok(Some(found)) if found.state == ConversationState::Ended => Ok(Some(Ending::AlreadyEnded)),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Disconnects all participants, whosever the conversation is.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn disconnect(&self, config: &Config, id: &ConversationId, deadline: Instant) -> Result<(), ApiError> {
        let path = ["api", "v2", "conversations", "messages", id.as_str()];
        let call = Call::patch(&path, &Disconnect { state: "disconnected" })?;
        self.call(config, &call, deadline).await.map(|IgnoredAny| ())
    }
}

impl Conversation {
    /// Whether a communication is from or to this integration. A conversation with no such address is refused.
    fn is_of(&self, integration_id: &str) -> bool {
        let communications = || self.participants.iter().flatten().flat_map(|one| one.messages.iter().flatten());
        let addresses = communications().flat_map(|one| [&one.to_address, &one.from_address]).flatten();
        let mut ids = addresses.flat_map(|address| [&address.address_normalized, &address.address_raw]).flatten();
        ids.any(|id| id.eq_ignore_ascii_case(integration_id))
    }

    fn into_neutral(self, id: &ConversationId) -> conversation::Conversation {
        let participants = self.participants.unwrap_or_default().into_iter().flat_map(Participant::into_neutral);
        let (id, participants) = (id.as_str().to_owned(), participants.collect());
        match self.end_time {
            Some(_) => conversation::Conversation::ended(id, participants),
            None => conversation::Conversation::new(id, participants),
        }
    }
}

impl Participant {
    /// The participant once for each communication, which has the state.
    fn into_neutral(self) -> impl Iterator<Item = conversation::Participant> {
        let Self { purpose, user_id, queue_id, messages } = self;
        let purpose = purpose.unwrap_or_default();
        // A user takes part without a queue.
        let is_agent = ["agent", "user"].contains(&purpose.as_str());
        messages.unwrap_or_default().into_iter().filter_map(move |communication| {
            Some(conversation::Participant {
                purpose: purpose.clone(),
                is_agent,
                presence: presence(communication.state.as_deref()),
                state: communication.state.unwrap_or_default(),
                communication_id: communication.id?,
                user_id: user_id.clone(),
                queue_id: queue_id.clone(),
                connected_time: communication.connected_time,
            })
        })
    }
}

fn presence(state: Option<&str>) -> Presence {
    match state {
        Some("connected") => Presence::Connected,
        Some("disconnected" | "terminated") => Presence::Left,
        _ => Presence::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_platforms_words_say_who_is_an_agent_and_who_is_there() {
        for (purpose, state, is_agent, expected) in [
            (json!("agent"), json!("connected"), true, Presence::Connected),
            (json!("user"), json!("alerting"), true, Presence::Waiting),
            (json!("customer"), json!("disconnected"), false, Presence::Left),
            (json!("acd"), json!("terminated"), false, Presence::Left),
            (json!(null), json!(null), false, Presence::Waiting),
        ] {
            let json = json!({"purpose": purpose, "messages": [{"id": "m", "state": state}]});
            let participant: Participant = serde_json::from_value(json).unwrap();
            let neutral: Vec<_> = participant.into_neutral().collect();
            assert_eq!((is_agent, expected), (neutral[0].is_agent, neutral[0].presence), "{purpose} {state}");
        }
    }

    #[test]
    fn a_conversation_is_of_the_integration_that_an_address_names() {
        let of = |address: serde_json::Value| {
            let json =
                json!({"participants": [{"purpose": "customer", "messages": [{"id": "m", "toAddress": address}]}]});
            serde_json::from_value::<Conversation>(json).unwrap().is_of("E6B352DE")
        };
        assert!(of(json!({"addressNormalized": "e6b352de"})) && of(json!({"addressRaw": "e6b352de"})));
        for other in [json!({"addressNormalized": "another"}), json!({"name": "e6b352de"}), json!({}), json!(null)] {
            assert!(!of(other.clone()), "{other}");
        }
        for empty in [json!({}), json!({"participants": null}), json!({"participants": [{"messages": null}]})] {
            assert!(!serde_json::from_value::<Conversation>(empty).unwrap().is_of("e6b352de"));
        }
    }
}
