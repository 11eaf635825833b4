//! The state of a conversation, its end, and its current agent.

use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::cache::BoundedCache;
use shared::model::agent::{Communication, ConversationId};
use shared::model::conversation::{Conversation, NoCurrentAgent};
use shared::model::integration_name::IntegrationName;
use shared::platform::{ApiError, Platforms};
use std::sync::Arc;
use std::time::Duration;

/// In place of a communication's id: the only connected agent's.
const CURRENT: &str = "current";

/// The permissions of the platform's client that these calls need.
const VIEW: &str = "conversation:communication:view";
const DISCONNECT: &str = "conversation:communication:disconnect";

/// How long it is remembered that a conversation is an integration's own. Its addresses do not change.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The conversations of the integrations. The platform would let an OAuth client write in any of its organisation's.
pub(crate) struct Conversations {
    platforms: Arc<Platforms>,
    own: BoundedCache<(IntegrationName, ConversationId), ()>,
}

impl Conversations {
    pub(crate) fn new(platforms: Arc<Platforms>) -> Self {
        Self { platforms, own: BoundedCache::new(REMEMBERED) }
    }

    /// The communication that the path names, in a conversation of the integration.
    pub(crate) async fn communication(&self, context: &RequestContext) -> Result<Communication, Problem> {
        let conversation_id = id(context, "conversationId")?;
        let communication_id = match context.path.parameter("communicationId") {
            CURRENT => current_agent(&self.read_first(context, &conversation_id).await?)?,
            _ => {
                let communication_id = id(context, "communicationId")?;
                self.require_own(context, &conversation_id).await?;
                communication_id
            }
        };
        Ok(Communication { conversation_id, communication_id })
    }

    pub(crate) async fn show(&self, context: &RequestContext) -> Result<Reply, Problem> {
        let conversation = self.read(context, &id(context, "conversationId")?).await?;
        Ok(Reply::ok(serde_json::to_value(conversation).unwrap_or_default()))
    }

    pub(crate) async fn end(&self, context: &RequestContext) -> Result<Reply, Problem> {
        let id = &id(context, "conversationId")?;
        let ending = context.call(|current| async move {
            self.platforms.end_conversation(&current.platform, id, context.deadline).await
        });
        let needed = format!("{VIEW} and {DISCONNECT}");
        let ending = ending.await.map_err(|error| with_permissions(error, &needed))?.ok_or_else(not_found)?;
        Ok(Reply::ok(json!({ "outcome": ending })))
    }

    async fn require_own(&self, context: &RequestContext, id: &ConversationId) -> Result<(), Problem> {
        let key = (context.integration.name.clone(), id.clone());
        if self.own.get(&key).is_none() {
            let _own = self.read_first(context, id).await?;
            self.own.insert(key, ());
        }
        Ok(())
    }

    /// Before anything is sent: a lost response to a call that only reads leaves no outcome unknown.
    async fn read_first(&self, context: &RequestContext, id: &ConversationId) -> Result<Conversation, Problem> {
        let problem = |problem: Problem| {
            problem.before_sending("The platform did not say whose conversation it is.").nothing_sent()
        };
        self.read(context, id).await.map_err(problem)
    }

    async fn read(&self, context: &RequestContext, id: &ConversationId) -> Result<Conversation, Problem> {
        let reading = context
            .call(|current| async move { self.platforms.conversation(&current.platform, id, context.deadline).await });
        reading.await.map_err(|error| with_permissions(error, VIEW))?.ok_or_else(not_found)
    }
}

fn current_agent(conversation: &Conversation) -> Result<ConversationId, Problem> {
    let current = conversation.current_agent().map_err(|error| match error {
        NoCurrentAgent::NoneConnected => {
            let explanation = "No agent is connected to the conversation.";
            Problem::new(ProblemType::NoAgentConnected, explanation).nothing_sent()
        }
        NoCurrentAgent::SeveralConnected(ids) => {
            let explanation =
                format!("Several agents are connected. Use the communication of one of them: {}.", ids.join(", "));
            Problem::new(ProblemType::SeveralAgentsConnected, explanation).nothing_sent()
        }
    })?;
    let parsed = current.parse();
    parsed.map_err(|_| ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None }.into())
}

fn id(context: &RequestContext, name: &str) -> Result<ConversationId, Problem> {
    let parsed = context.path.parameter(name).parse::<ConversationId>();
    parsed.map_err(|error| Problem::new(ProblemType::InvalidPath, format!("{name} {error}.")))
}

/// Conversations of other integrations are not distinguished from those that do not exist.
fn not_found() -> Problem {
    Problem::new(ProblemType::ConversationNotFound, "The integration has no conversation with this id.")
}

/// Names what the OAuth client may lack.
fn with_permissions(error: ApiError, needed: &str) -> Problem {
    let is_forbidden = matches!(&error, ApiError::Refused(error) if error.status == 403);
    let problem = Problem::from(error);
    if !is_forbidden {
        return problem;
    }
    let explanation = format!("{} The OAuth client needs {needed}.", problem.explanation);
    Problem { explanation, ..problem }
}
