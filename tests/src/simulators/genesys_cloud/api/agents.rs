//! What agents see and do.

use super::GenesysCloud;
use super::conversations::Conversation;
use super::transcripts::{Shown, Transcript};
use super::webhooks::Webhook;
use crate::simulators::genesys_cloud::events::EventSource;
use tokio::sync::watch;
use uuid::Uuid;

impl GenesysCloud {
    /// The conversations of all integrations, the newest last.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        self.platform.conversations.all()
    }

    /// What agents see of a conversation.
    #[must_use]
    pub fn transcript(&self, conversation: &Conversation) -> Transcript {
        self.platform.transcripts.of(&conversation.conversation_id)
    }

    /// Changes whenever a transcript does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.platform.transcripts.changes()
    }

    /// Puts what happens to conversations onto the event bus, from now on.
    pub fn connect_events(&self, source: EventSource) {
        *self.platform.events.lock().expect("no panic") = Some(source);
    }

    /// An agent takes a conversation. Returns when the event of that is on the event bus, if there is one.
    pub async fn join_conversation(&self, conversation: &Conversation) {
        self.platform.transcripts.add(&conversation.conversation_id, Shown::AgentJoined);
        let source = self.platform.events.lock().expect("no panic").clone();
        if let Some(source) = source {
            source.put_start(conversation).await;
        }
    }

    /// An agent writes in a conversation. Posts the message to the integration's webhook in the background and returns
    /// its id.
    pub fn write(&self, conversation: &Conversation, text: &str) -> String {
        let id = Uuid::new_v4().simple().to_string();
        self.know_message(&id);
        self.platform.webhooks.post(Webhook::text(conversation, &id, text));
        id
    }

    /// An agent writes to a customer, whose conversation is opened by that. Returns the message's id.
    pub fn post_text(&self, integration_id: &str, customer: &str, text: &str) -> String {
        self.write(&self.open_conversation(integration_id, customer), text)
    }

    /// An agent is typing in a conversation. Posts that if the integration's setting allows it.
    pub fn post_typing(&self, conversation: &Conversation) {
        if self.platform.has_typing(&conversation.integration_id, "outbound") {
            self.platform.webhooks.post(Webhook::typing(conversation, None));
        }
    }

    /// An agent ends a conversation. Returns when the events of that are on the event bus, if there is one; `false` if
    /// it had ended before.
    pub async fn end_conversation(&self, conversation: &Conversation) -> bool {
        let Ok(ended) = self.platform.end(&conversation.conversation_id) else { return false };
        let source = self.platform.events.lock().expect("no panic").clone();
        if let Some(source) = source {
            source.put_end(&ended, "PEER").await;
        }
        true
    }
}
