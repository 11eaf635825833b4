//! Sends messages on behalf of agents.

use crate::request::{AgentRequest, TypingRequest};
use crate::upload::Uploader;
use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::model::agent::{AgentMessage, Communication, ConversationId};
use shared::platform::Platforms;

pub(crate) struct AgentSender {
    platforms: Platforms,
    uploader: Uploader,
}

impl AgentSender {
    pub(crate) fn new(platforms: Platforms, uploader: Uploader) -> Self {
        Self { platforms, uploader }
    }

    /// Answers 200 with the platform's id of the message.
    pub(crate) async fn send(&self, context: &RequestContext, message: AgentRequest) -> Result<Reply, Problem> {
        let communication = communication(context)?;
        match message {
            AgentRequest::Text(text) => self.send_message(context, &communication, AgentMessage::Text(&text)).await,
            AgentRequest::Template(template) => {
                let message = AgentMessage::Template(&template);
                self.send_message(context, &communication, message).await
            }
            AgentRequest::Media { media, text } => {
                let id = self.uploader.upload(&self.platforms, context, &communication, media).await?;
                let message = AgentMessage::Media { id: &id, text: text.as_deref() };
                self.send_message(context, &communication, message).await
            }
        }
    }

    async fn send_message(
        &self,
        context: &RequestContext,
        communication: &Communication,
        message: AgentMessage<'_>,
    ) -> Result<Reply, Problem> {
        let message = &message;
        let sending = context.call(|current| async move {
            self.platforms.send_agent_message(&current.platform, communication, message, context.deadline).await
        });
        let sent = sending.await?;
        Ok(Reply::ok(serde_json::to_value(sent).unwrap_or_default()))
    }

    pub(crate) async fn post_typing(&self, context: &RequestContext, typing: TypingRequest) -> Result<Reply, Problem> {
        let communication = &communication(context)?;
        let posting = context.call(|current| async move {
            self.platforms.post_agent_typing(&current.platform, communication, typing.duration, context.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }
}

fn communication(context: &RequestContext) -> Result<Communication, Problem> {
    Ok(Communication {
        conversation_id: id(context, "conversationId")?,
        communication_id: id(context, "communicationId")?,
    })
}

fn id(context: &RequestContext, name: &str) -> Result<ConversationId, Problem> {
    let parsed = context.path.parameter(name).parse::<ConversationId>();
    parsed.map_err(|error| Problem::new(ProblemType::InvalidPath, format!("{name} {error}.")))
}
