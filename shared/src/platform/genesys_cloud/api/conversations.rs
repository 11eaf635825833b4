//! The state of a conversation, and its end.

use super::{Call, Client};
use crate::model::agent::ConversationId;
use crate::model::conversation::{self, ConversationState, Ending};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

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
        let found: Conversation = match self.call(config, &Call::get(&path), deadline).await {
            Err(ApiError::Refused(error)) if error.status == 404 => return Ok(None),
            found => found?,
        };
        Ok(found.is_of(&config.integration_id).then(|| found.into_neutral(id)))
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
        let path = ["api", "v2", "conversations", "messages", id.as_str()];
        let call = Call::patch(&path, &Disconnect { state: "disconnected" })?;
        self.call(config, &call, deadline).await.map(|IgnoredAny| Some(Ending::Ended))
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
        conversation::Conversation::new(id.as_str().to_owned(), self.end_time.is_some(), participants.collect())
    }
}

impl Participant {
    /// The participant once for each communication, which has the state.
    fn into_neutral(self) -> impl Iterator<Item = conversation::Participant> {
        let Self { purpose, user_id, queue_id, messages } = self;
        messages.unwrap_or_default().into_iter().filter_map(move |communication| {
            Some(conversation::Participant {
                purpose: purpose.clone().unwrap_or_default(),
                state: communication.state.unwrap_or_default(),
                communication_id: communication.id?,
                user_id: user_id.clone(),
                queue_id: queue_id.clone(),
                connected_time: communication.connected_time,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
