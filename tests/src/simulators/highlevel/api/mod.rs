//! The API of HighLevel: contacts, customers' and agentless messages, typing and statuses. It checks every request against the published models
//! as strictly as the real platform, and can inject faults.

mod contacts;
mod models;
pub mod oauth;
mod platform;
#[cfg(test)]
mod tests;

pub use contacts::{Contact, DuplicateSetting};
pub use platform::{Call, Fault};

use crate::harness::server::Server;
use crate::simulators::credentials::Credentials;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use contacts::CONVERSATION_WITH;
use jiff::Timestamp;
use models::{EmailStatus, Inbound, Outbound, Status, Typing, Upsert};
use oauth::OAuth;
use platform::{Incoming, Platform, Refusal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub const TOKEN: &str = "pit-token-of-the-tests";

/// The running platform. It ends when this is dropped.
pub struct HighLevel {
    /// The `apiBaseUrl` of an integration that uses this platform.
    pub url: String,
    platform: Arc<Platform>,
    _server: Server,
}

impl HighLevel {
    pub async fn start() -> Self {
        let platform = Arc::new(Platform::default());
        let router = Router::new()
            .route("/conversations/messages/{message}/status", put(status))
            .route("/conversations/messages/email/{message}/status", put(email_status))
            .route("/conversations/messages/inbound", post(inbound))
            .route("/oauth/token", post(token))
            .route("/oauth/reconnect", post(reconnect))
            .route("/conversations/messages", post(outbound))
            .route("/conversations/messages/{message}/schedule", delete(cancel))
            .route("/conversations/messages/email/{message}/schedule", delete(cancel_email))
            .route("/conversations/providers/live-chat/typing", post(typing))
            .route("/contacts/search/duplicate", get(search_duplicate))
            .route("/contacts/upsert", post(upsert))
            .route("/contacts/", post(create_contact))
            .route("/contacts/{contact}", get(contact))
            .fallback(|_: Incoming| async { Refusal::new(404, "Cannot find what was asked for.").answer() })
            .with_state(Arc::clone(&platform));
        let server = Server::start(router);
        Self { url: server.origin.clone(), platform, _server: server }
    }

    /// The accepted tokens.
    #[must_use]
    pub fn tokens(&self) -> &Credentials {
        &self.platform.tokens
    }

    /// The tokens that expire.
    #[must_use]
    pub fn oauth(&self) -> &OAuth {
        &self.platform.oauth
    }

    /// Injects faults into the next calls, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.lock().expect("no panic").extend(faults);
    }

    /// All calls of this operation fail from now on; with none, no longer.
    pub fn set_unavailable(&self, operation: Option<&'static str>) {
        *self.platform.unavailable.lock().expect("no panic") = operation;
    }

    /// Injects no more faults.
    pub fn clear_faults(&self) {
        self.platform.faults.lock().expect("no panic").clear();
    }

    /// Refuses the first `count` statuses of each message with this status: the real platform does not find a message
    /// for some seconds after it was sent.
    pub fn refuse_early_statuses(&self, count: usize, status: u16) {
        *self.platform.early.lock().expect("no panic") = (count, status);
    }

    /// Refuses the statuses of each message for this long, from the first one on.
    pub fn refuse_statuses_for(&self, time: Duration, status: u16) {
        *self.platform.early_time.lock().expect("no panic") = (time, status);
    }

    pub fn set_duplicates(&self, setting: DuplicateSetting) {
        self.platform.contacts.lock().expect("no panic").setting = setting;
    }

    /// Refuses calls about the contacts of any other location.
    pub fn set_location(&self, id: &str) {
        self.platform.contacts.lock().expect("no panic").location = Some(id.to_owned());
    }

    pub fn add_contact(&self, contact: Contact) {
        self.platform.contacts.lock().expect("no panic").all.push(contact);
    }

    /// Deletes a contact. Every call about it is refused.
    pub fn delete_contact(&self, id: &str) {
        let mut contacts = self.platform.contacts.lock().expect("no panic");
        contacts.all.retain(|contact| contact.id != id);
        contacts.deleted.push(id.to_owned());
    }

    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.platform.contacts.lock().expect("no panic").all.clone()
    }

    /// A scheduled message with this id, as a message or as an email. It can be cancelled as often as it is scheduled.
    pub fn schedule(&self, id: &str) {
        self.platform.scheduled.lock().expect("no panic").push(id.to_owned());
    }

    /// The number of events that statuses of emails have counted.
    #[must_use]
    pub fn email_events(&self) -> u64 {
        *self.platform.email_events.lock().expect("no panic")
    }

    /// The successful calls of this operation.
    #[must_use]
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.operation == operation).collect()
    }

    /// All successful calls.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.platform.calls.lock().expect("no panic").clone()
    }

    /// The number of calls, successful or not.
    #[must_use]
    pub fn attempts(&self) -> usize {
        *self.platform.attempts.borrow()
    }

    /// Waits for at least `count` successful calls, and returns them.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        let mut attempts = self.platform.attempts.subscribe();
        let waiting = attempts.wait_for(|_| self.calls().len() >= count);
        let in_time = tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "the platform was not called; so far: {:?}", self.calls());
        self.calls()
    }
}

async fn token(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    platform.oauth.token(&incoming).await
}

async fn reconnect(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    platform.oauth.reconnect(&incoming).map_or_else(Refusal::answer, |body| Json(body).into_response())
}

async fn status(State(platform): State<Arc<Platform>>, Path(message): Path<String>, incoming: Incoming) -> Response {
    let work = || {
        platform.check_early(&message)?;
        let status: Status = incoming.read()?;
        status.check()?;
        Ok(json!({"conversationId": "c-1", "messageId": message, "status": status.status}))
    };
    platform.done("status", &incoming, work)
}

async fn inbound(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let message: Inbound = incoming.read()?;
        message.check()?;
        platform.contacts.lock().expect("no panic").check(&message.named())?;
        if !message.is_added() {
            return Ok(Value::Null);
        }
        let contact_id = message.contact_id.clone().unwrap_or_else(|| "contact-of-the-conversation".to_owned());
        let conversation_id = message.conversation_id.clone().unwrap_or_else(|| conversation_of(&contact_id));
        let mut answer = json!({
            "success": true,
            "conversationId": conversation_id,
            "messageId": new_id(),
            "message": "Message added successfully",
            "contactId": contact_id,
            "dateAdded": Timestamp::now(),
        });
        if message.is_email() {
            answer["emailMessageId"] = new_id().into();
        }
        Ok(answer)
    };
    platform.done("inbound", &incoming, work)
}

async fn outbound(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let message: Outbound = incoming.read()?;
        message.check()?;
        platform.contacts.lock().expect("no panic").check(&message.named())?;
        let mut answer =
            json!({"conversationId": conversation_of(&message.contact_id), "messageId": new_id(), "status": "pending"});
        if message.is_email() {
            answer["emailMessageId"] = new_id().into();
        }
        if message.scheduled_timestamp.is_some() {
            let ids = ["messageId", "emailMessageId"].into_iter().filter_map(|name| answer[name].as_str());
            platform.scheduled.lock().expect("no panic").extend(ids.map(str::to_owned));
        }
        Ok(answer)
    };
    platform.done("outbound", &incoming, work)
}

async fn cancel(State(platform): State<Arc<Platform>>, Path(message): Path<String>, incoming: Incoming) -> Response {
    platform.done("cancel", &incoming, || platform.cancel(&message))
}

async fn cancel_email(
    State(platform): State<Arc<Platform>>,
    Path(message): Path<String>,
    incoming: Incoming,
) -> Response {
    platform.done("cancel-email", &incoming, || platform.cancel(&message))
}

async fn email_status(
    State(platform): State<Arc<Platform>>,
    Path(message): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.check_early(&message)?;
        let status: EmailStatus = incoming.read()?;
        *platform.email_events.lock().expect("no panic") += status.events.map_or(0, |events| events.sum());
        Ok(json!({"success": true, "message": "Email status updated"}))
    };
    platform.done("email-status", &incoming, work)
}

async fn typing(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let typing: Typing = incoming.read()?;
        typing.check()?;
        platform.contacts.lock().expect("no panic").check_location(&typing.location_id)?;
        Ok(json!({"success": true}))
    };
    platform.done("typing", &incoming, work)
}

async fn search_duplicate(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || platform.contacts.lock().expect("no panic").search(&incoming.query());
    platform.done("search-duplicate", &incoming, work)
}

async fn upsert(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let request: Upsert = incoming.read()?;
        request.check()?;
        let mut contacts = platform.contacts.lock().expect("no panic");
        contacts.check_location(&request.location_id)?;
        Ok(contacts.upsert(&request))
    };
    platform.done("upsert", &incoming, work)
}

async fn create_contact(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let request: Upsert = incoming.read()?;
        request.check()?;
        let mut contacts = platform.contacts.lock().expect("no panic");
        contacts.check_location(&request.location_id)?;
        contacts.create(&request)
    };
    platform.done("create-contact", &incoming, work)
}

async fn contact(State(platform): State<Arc<Platform>>, Path(id): Path<String>, incoming: Incoming) -> Response {
    platform.done("contact", &incoming, || platform.contacts.lock().expect("no panic").read(&id))
}

fn conversation_of(contact_id: &str) -> String {
    format!("{CONVERSATION_WITH}{contact_id}")
}

fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}
