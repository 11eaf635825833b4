//! Whether the platform's client may make the calls of the conversation routes, found out with a conversation that does
//! not exist.

use super::report::Finding;
use shared::integration::Integration;
use shared::model::agent::ConversationId;
use shared::platform::genesys_cloud::api::Client;
use shared::platform::genesys_cloud::config::Config;
use shared::platform::{ApiError, Route};
use tokio::time::Instant;

const UNKNOWN_CONVERSATION: &str = "00000000-0000-0000-0000-000000000000";

/// The routes that read a conversation; an agent's only with `current`.
const READING: [Route; 4] =
    [Route::ConversationsShow, Route::ConversationsEnd, Route::AgentMessages, Route::AgentTyping];

/// Two calls at most, which change nothing.
pub(super) async fn check(client: &Client, config: &Config, integration: &Integration, deadline: Instant) -> Finding {
    let is_used = |route: &Route| integration.callers.iter().any(|caller| caller.may_call(*route));
    if !READING.iter().any(is_used) {
        return Finding::skipped("because no caller may use the routes of conversations and agents");
    }
    let Ok(unknown) = UNKNOWN_CONVERSATION.parse::<ConversationId>() else {
        return Finding::skipped("because the id of no conversation is invalid");
    };
    let read = async { permission(client.conversation(config, &unknown, deadline).await.map(drop)) };
    let end = async {
        match is_used(&Route::ConversationsEnd) {
            true => permission(client.disconnect(config, &unknown, deadline).await.map(drop)),
            false => Ok(true),
        }
    };
    let (may_read, may_end) = match tokio::try_join!(read, end) {
        Ok(permissions) => permissions,
        Err(error) => return Finding::skipped(format!("because Genesys Cloud does not answer: {error}")),
    };
    let permissions =
        [(may_read, "conversation:communication:view"), (may_end, "conversation:communication:disconnect")];
    let lacking: Vec<_> = permissions.into_iter().filter(|(granted, _)| !granted).map(|(_, name)| name).collect();
    match lacking.as_slice() {
        [] => Finding::ok("the OAuth client may make the calls that the callers' routes need"),
        lacking => Finding::warning(
            format!("the OAuth client's role lacks {}", lacking.join(" and ")),
            format!(
                "add it to the role in Genesys Cloud: it is needed to write as an agent, and to show and end conversations; or \
                 restrict the callers' routes: `patchbay integration add {} --replace --caller \
                 NAME:agentless,receipts,cards,inbound`",
                integration.name
            ),
        ),
    }
}

/// Whether a call was allowed.
fn permission(result: Result<(), ApiError>) -> Result<bool, ApiError> {
    match result {
        Ok(()) => Ok(true),
        Err(ApiError::Refused(error)) => Ok(error.status != 403),
        Err(error) => Err(error),
    }
}
