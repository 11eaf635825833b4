//! Whether the platform's client may read conversations, found out with one that does not exist.

use super::report::Finding;
use shared::model::agent::ConversationId;
use shared::platform::ApiError;
use shared::platform::genesys_cloud::api::Client;
use shared::platform::genesys_cloud::config::Config;
use tokio::time::Instant;

const UNKNOWN_CONVERSATION: &str = "00000000-0000-0000-0000-000000000000";

pub(super) async fn check(client: &Client, config: &Config, deadline: Instant) -> Finding {
    let Ok(unknown) = UNKNOWN_CONVERSATION.parse::<ConversationId>() else {
        return Finding::skipped("because the id of no conversation is invalid");
    };
    match client.conversation(config, &unknown, deadline).await {
        Ok(_) => Finding::ok("the OAuth client may read conversations"),
        Err(ApiError::Refused(error)) if error.status == 403 => Finding::warning(
            "the OAuth client's role lacks conversation:communication:view",
            "add it to the role in Genesys Cloud, with conversation:communication:disconnect, if callers show or end \
             conversations or use `current`",
        ),
        Err(error) => Finding::skipped(format!("because Genesys Cloud does not answer: {error}")),
    }
}
