//! Sends messages on behalf of agents.

use crate::conversations::Conversations;
use crate::request::{AgentRequest, TypingRequest};
use crate::upload::Uploader;
use serde_json::json;
use shared::api::problem::Problem;
use shared::api::{Reply, RequestContext};
use shared::model::agent::{AgentMessage, Communication};
use shared::platform::Platforms;
use std::sync::Arc;

pub(crate) struct AgentSender {
    platforms: Arc<Platforms>,
    pub(crate) conversations: Conversations,
    uploader: Uploader,
}

impl AgentSender {
    pub(crate) fn new(platforms: Platforms, uploader: Uploader) -> Self {
        let platforms = Arc::new(platforms);
        Self { conversations: Conversations::new(Arc::clone(&platforms)), platforms, uploader }
    }

    /// Answers 200 with the platform's id of the message.
    pub(crate) async fn send(&self, context: &RequestContext, message: AgentRequest) -> Result<Reply, Problem> {
        let communication = self.conversations.communication(context).await?;
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
        let communication = &self.conversations.communication(context).await?;
        let posting = context.call(|current| async move {
            self.platforms.post_agent_typing(&current.platform, communication, typing.duration, context.deadline).await
        });
        posting.await?;
        Ok(Reply::ok(json!({ "outcome": "posted" })))
    }
}
