//! Says in a conversation what a caller wants said there for an agent.

use crate::request::{AgentRequest, TypingRequest};
use crate::upload::Uploader;
use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, SenderRequest};
use shared::model::agent::{AgentMessage, Communication, ConversationId};
use shared::platform::Platforms;

/// Speaks for agents.
pub(crate) struct AgentSender {
    platforms: Platforms,
    uploader: Uploader,
}

impl AgentSender {
    pub(crate) fn new(platforms: Platforms, uploader: Uploader) -> Self {
        Self { platforms, uploader }
    }

    /// Sends a message; 200 with the platform's id.
    pub(crate) async fn send(&self, request: &SenderRequest, message: AgentRequest) -> Result<Reply, Problem> {
        let communication = communication(request)?;
        match message {
            AgentRequest::Text(text) => self.say(request, &communication, AgentMessage::Text(&text)).await,
            AgentRequest::Template(template) => {
                self.say(request, &communication, AgentMessage::Template(&template)).await
            }
            AgentRequest::Media(media) => {
                let id = self.uploader.upload(&self.platforms, request, &communication, media).await?;
                self.say(request, &communication, AgentMessage::Media(&id)).await
            }
        }
    }

    async fn say(
        &self,
        request: &SenderRequest,
        communication: &Communication,
        message: AgentMessage<'_>,
    ) -> Result<Reply, Problem> {
        let message = &message;
        let sending = request.call(|current| async move {
            self.platforms.send_agent_message(&current.platform, communication, message, request.deadline).await
        });
        let sent = sending.await?;
        Ok(Reply::ok(serde_json::to_value(sent).unwrap_or_default()))
    }

    /// Says that the agent is typing.
    pub(crate) async fn post_typing(&self, request: &SenderRequest, typing: TypingRequest) -> Result<Reply, Problem> {
        let communication = &communication(request)?;
        let posting = request.call(|current| async move {
            self.platforms.post_agent_typing(&current.platform, communication, typing.duration, request.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }
}

/// The communication that the path names.
fn communication(request: &SenderRequest) -> Result<Communication, Problem> {
    Ok(Communication {
        conversation_id: id(request, "conversationId")?,
        communication_id: id(request, "communicationId")?,
    })
}

fn id(request: &SenderRequest, name: &str) -> Result<ConversationId, Problem> {
    let parsed = request.path.parameter(name).parse::<ConversationId>();
    parsed.map_err(|error| Problem::new(ProblemType::InvalidPath, format!("{{{name}}} {error}.")))
}
