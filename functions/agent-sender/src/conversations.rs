//! The state of a conversation, its end, and its current agent.

use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::model::agent::{Communication, ConversationId};
use shared::model::conversation::{Conversation, NoCurrentAgent};
use shared::platform::{ApiError, Platforms};

/// In place of a communication's id: the only connected agent's.
const CURRENT: &str = "current";

/// The permissions of the platform's client that these calls need.
const VIEW: &str = "conversation:communication:view";
const DISCONNECT: &str = "conversation:communication:disconnect";

/// The communication that the path names.
pub(crate) async fn communication(platforms: &Platforms, context: &RequestContext) -> Result<Communication, Problem> {
    let conversation_id = id(context, "conversationId")?;
    let communication_id = match context.path.parameter("communicationId") {
        CURRENT => current_agent(&read(platforms, context, &conversation_id).await?)?,
        _ => id(context, "communicationId")?,
    };
    Ok(Communication { conversation_id, communication_id })
}

pub(crate) async fn show(platforms: &Platforms, context: &RequestContext) -> Result<Reply, Problem> {
    let conversation = read(platforms, context, &id(context, "conversationId")?).await?;
    Ok(Reply::ok(serde_json::to_value(conversation).unwrap_or_default()))
}

pub(crate) async fn end(platforms: &Platforms, context: &RequestContext) -> Result<Reply, Problem> {
    let id = &id(context, "conversationId")?;
    let ending = context
        .call(|current| async move { platforms.end_conversation(&current.platform, id, context.deadline).await });
    let needed = format!("{VIEW} and {DISCONNECT}");
    let ending = ending.await.map_err(|error| with_permissions(error, &needed))?.ok_or_else(not_found)?;
    Ok(Reply::ok(json!({ "outcome": ending })))
}

async fn read(platforms: &Platforms, context: &RequestContext, id: &ConversationId) -> Result<Conversation, Problem> {
    let reading =
        context.call(|current| async move { platforms.conversation(&current.platform, id, context.deadline).await });
    reading.await.map_err(|error| with_permissions(error, VIEW))?.ok_or_else(not_found)
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
