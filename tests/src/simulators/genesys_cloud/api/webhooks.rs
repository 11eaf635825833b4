//! Webhooks that the platform posts to an integration.

use super::conversations::Conversation;
use super::media::Upload;
use super::models::Template;
use super::transcripts::Transcripts;
use axum::body::Bytes;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use shared::signature::hub;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The maximum number of retries.
const RETRIES: usize = 5;

/// One attempt to post a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub body: Value,
    /// The response's status. `None` if there was none in time.
    pub answered: Option<u16>,
}

/// Who writes to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Agent,
    /// A system of the company, by an agentless message.
    Company,
}

pub(super) struct Webhook {
    integration_id: String,
    pub(super) conversation_id: String,
    pub(super) author: Author,
    pub(super) body: Value,
}

impl Webhook {
    pub(super) fn text(conversation: &Conversation, id: &str, text: &str) -> Self {
        Self::outbound(conversation, id, json!({"type": "Text", "text": text}))
    }

    pub(super) fn media(conversation: &Conversation, id: &str, upload: &Upload, url: &str, text: Option<&str>) -> Self {
        let attachment = json!({
            "id": upload.id,
            "mediaType": upload.media_type(),
            "url": url,
            "mime": upload.content_type,
            "filename": upload.file_name,
            "contentSizeBytes": upload.bytes.as_ref().map(Bytes::len),
        });
        let content = json!([{"contentType": "Attachment", "attachment": attachment}]);
        let mut message = json!({"type": "Text", "content": content});
        if let Some(text) = text {
            message["text"] = text.into();
        }
        Self::outbound(conversation, id, message)
    }

    pub(super) fn template(conversation: &Conversation, id: &str, template: &Template) -> Self {
        let parameters = template.body_parameters.iter().flatten();
        let parameters: Vec<_> = parameters
            .map(|parameter| json!({"name": parameter.id.as_deref(), "text": parameter.value.as_deref()}))
            .collect();
        let notification = json!({"id": template.response_id.as_deref(), "body": {"parameters": parameters}});
        let content = json!([{"contentType": "Notification", "template": notification}]);
        Self::outbound(conversation, id, json!({"type": "Structured", "content": content}))
    }

    pub(super) fn typing(conversation: &Conversation, duration: Option<u64>) -> Self {
        let typing = json!({"type": "On", "duration": duration.unwrap_or(5_000)});
        let events = json!([{"eventType": "Typing", "typing": typing}]);
        let id = Uuid::new_v4().simple().to_string();
        Self::outbound(conversation, &id, json!({"type": "Event", "events": events}))
    }

    /// The receipt for an inbound message: it is in the conversation.
    pub(super) fn published(conversation: &Conversation, id: &str) -> Self {
        let receipt = json!({
            "type": "Receipt", "status": "Published", "isFinalReceipt": true, "direction": "Inbound",
        });
        let customer = json!({"id": conversation.customer, "idType": conversation.id_type});
        let integration = json!({"id": conversation.integration_id, "idType": "Opaque"});
        Self::new(conversation, id, receipt, customer, integration)
    }

    /// A message to the customer.
    fn outbound(conversation: &Conversation, id: &str, mut message: Value) -> Self {
        message["originatingEntity"] = "Human".into();
        message["direction"] = "Outbound".into();
        let integration = json!({"nickname": "Acme Support", "id": conversation.integration_id, "idType": "Opaque"});
        let customer = json!({"id": conversation.customer, "idType": conversation.id_type});
        Self::new(conversation, id, message, integration, customer)
    }

    fn new(conversation: &Conversation, id: &str, mut body: Value, from: Value, to: Value) -> Self {
        body["id"] = id.into();
        body["channel"] = json!({
            "id": conversation.integration_id,
            "platform": "Open",
            "type": "Private",
            "to": to,
            "from": from,
            "time": now(),
            "messageId": id,
        });
        // Only on texts is it known to be there.
        if body["type"] == "Text" {
            body["conversationId"] = conversation.conversation_id.clone().into();
        }
        let Conversation { integration_id, conversation_id, .. } = conversation.clone();
        Self { integration_id, conversation_id, author: Author::Agent, body }
    }

    /// The same as an agentless message.
    pub(super) fn of_the_company(self) -> Self {
        Self { author: Author::Company, ..self }
    }
}

/// The webhook of an integration, and its timeouts.
#[derive(Debug, Clone)]
struct Target {
    url: String,
    secret: String,
    /// The integration's own headers.
    headers: Vec<(String, String)>,
}

/// The timeout of a request, and the pause before a retry.
#[derive(Debug, Clone, Copy)]
struct Timeouts {
    time_out: Duration,
    pause: Duration,
}

/// The webhooks of all connected integrations.
pub(super) struct Webhooks {
    targets: Mutex<HashMap<String, Target>>,
    timeouts: Mutex<Timeouts>,
    http: reqwest::Client,
    posted: Arc<watch::Sender<Vec<Posted>>>,
    /// The number of webhooks that are still being posted.
    pending: Arc<watch::Sender<usize>>,
    /// `None` once the platform has ended.
    tasks: Mutex<Option<JoinSet<()>>>,
    transcripts: Arc<Transcripts>,
}

impl Webhooks {
    pub(super) fn new(transcripts: Arc<Transcripts>) -> Self {
        Self {
            targets: Mutex::default(),
            timeouts: Mutex::new(Timeouts { time_out: Duration::from_secs(10), pause: Duration::from_secs(5) }),
            http: reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("an HTTP client"),
            posted: Arc::default(),
            pending: Arc::default(),
            tasks: Mutex::new(Some(JoinSet::new())),
            transcripts,
        }
    }

    pub(super) fn connect(&self, integration_id: &str, url: String, secret: String, headers: Vec<(String, String)>) {
        self.targets.lock().expect("no panic").insert(integration_id.to_owned(), Target { url, secret, headers });
    }

    pub(super) fn disconnect(&self, integration_id: &str) {
        self.targets.lock().expect("no panic").remove(integration_id);
    }

    pub(super) fn set_timeouts(&self, time_out: Duration, pause: Duration) {
        *self.timeouts.lock().expect("no panic") = Timeouts { time_out, pause };
    }

    /// All attempts so far, as a watch.
    pub(super) fn posted(&self) -> watch::Receiver<Vec<Posted>> {
        self.posted.subscribe()
    }

    /// The number of pending webhooks, as a watch.
    pub(super) fn pending(&self) -> watch::Receiver<usize> {
        self.pending.subscribe()
    }

    /// Shows it to agents, and posts it in the background.
    pub(super) fn post(&self, webhook: Webhook) {
        self.transcripts.sending(&webhook);
        let Some(target) = self.targets.lock().expect("no panic").get(&webhook.integration_id).cloned() else { return };
        let timeouts = *self.timeouts.lock().expect("no panic");
        let transcripts = Arc::clone(&self.transcripts);
        let posting = post(self.http.clone(), target, timeouts, webhook.body.clone(), Arc::clone(&self.posted));
        if let Some(tasks) = self.tasks.lock().expect("no panic").as_mut() {
            let pending = Arc::clone(&self.pending);
            pending.send_modify(|pending| *pending += 1);
            tasks.spawn(async move {
                transcripts.answered(&webhook.body, posting.await);
                pending.send_modify(|pending| *pending -= 1);
            });
        }
    }

    /// Stops posting.
    pub(super) fn end(&self) {
        self.tasks.lock().expect("no panic").take();
    }
}

/// Posts like the platform: the same bytes again after a timeout, 429 or 5xx. Any other status is final. Returns the
/// last status, if there was one.
async fn post(
    http: reqwest::Client,
    target: Target,
    timeouts: Timeouts,
    body: Value,
    posted: Arc<watch::Sender<Vec<Posted>>>,
) -> Option<u16> {
    let bytes = body.to_string();
    let mut answered = None;
    let signature = hub::sign_sha256(bytes.as_bytes(), &target.secret.into());
    for attempt in 0..=RETRIES {
        if attempt > 0 {
            tokio::time::sleep(timeouts.pause).await;
        }
        let request = http.post(&target.url).timeout(timeouts.time_out).body(bytes.clone());
        let request = request.header("content-type", "application/json").header("x-hub-signature-256", &signature);
        let request = target.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let status = request.send().await.ok().map(|response| response.status());
        answered = status.map(|status| status.as_u16());
        posted.send_modify(|posted| posted.push(Posted { body: body.clone(), answered }));
        if status.is_some_and(|status| !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS) {
            break;
        }
    }
    answered
}

/// The current time in the platform's format.
pub(super) fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
