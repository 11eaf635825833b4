//! The organisation's Open Messaging integrations.

use super::answers::{Done, Refusal};
use super::models::{OpenIntegrationRequest, OpenIntegrationUpdate};
use super::platform::{Incoming, Platform};
use super::users::number;
use super::webhooks::now;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// All integrations, as the platform returns them.
#[derive(Default)]
pub(super) struct Integrations(Mutex<Vec<Value>>);

impl Integrations {
    pub(super) fn all(&self) -> Vec<Value> {
        self.0.lock().expect("no panic").clone()
    }

    pub(super) fn add(&self, integration: Value) {
        self.0.lock().expect("no panic").push(integration);
    }

    pub(super) fn set(&self, id: &str, field: &str, value: Value) {
        assert!(self.change(id, |all, index| all[index][field] = value).is_ok(), "no integration {id}");
    }

    pub(super) fn remove(&self, id: &str) {
        assert!(self.change(id, |all, index| all.remove(index)).is_ok(), "no integration {id}");
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Vec<Value>, usize) -> T) -> Result<T, Refusal> {
        let mut all = self.0.lock().expect("no panic");
        let known = all.iter().position(|one| one["id"] == id);
        let index = known.ok_or_else(|| Refusal::not_found("The open integration was not found."))?;
        Ok(change(&mut all, index))
    }
}

impl Platform {
    /// Sends its webhooks to its URL from now on.
    fn connect(&self, integration: &Value) {
        let text = |field: &str| integration[field].as_str().unwrap_or_default().to_owned();
        let secret = text("outboundNotificationWebhookSignatureSecretToken");
        self.webhooks.connect(&text("id"), text("outboundNotificationWebhookUrl"), secret);
    }
}

pub(super) async fn create(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        incoming.read::<OpenIntegrationRequest>()?;
        let mut integration = incoming.body();
        let id = Uuid::new_v4().to_string();
        integration["selfUri"] = format!("/api/v2/conversations/messaging/integrations/open/{id}").into();
        integration["id"] = id.into();
        integration["status"] = "Active".into();
        integration["dateCreated"] = now().into();
        integration["createStatus"] = "Initiated".into();
        platform.connect(&integration);
        platform.integrations.0.lock().expect("no panic").push(integration.clone());
        Ok(Done::answer(integration))
    };
    platform.done("create-integration", &incoming, work).await
}

pub(super) async fn list(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let query = incoming.query();
        let (size, page) = (number(&query, "pageSize", 25)?, number(&query, "pageNumber", 1)?);
        let all = platform.integrations.all();
        let entities: Vec<_> = all.iter().skip(size.saturating_mul(page - 1)).take(size).collect();
        let pages = all.len().div_ceil(size);
        Ok(Done::answer(json!({
            "entities": entities, "pageSize": size, "pageNumber": page, "total": all.len(), "pageCount": pages,
        })))
    };
    platform.done("integrations", &incoming, work).await
}

/// An integration is created with the first request for it.
pub(super) async fn one(State(platform): State<Arc<Platform>>, Path(id): Path<String>, incoming: Incoming) -> Response {
    let work = || {
        let found = platform.integrations.change(&id, |all, index| {
            if all[index]["createStatus"] == "Initiated" {
                all[index]["createStatus"] = "Completed".into();
            }
            all[index].clone()
        })?;
        Ok(Done::answer(found))
    };
    platform.done("integration", &incoming, work).await
}

pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        incoming.read::<OpenIntegrationUpdate>()?;
        let Value::Object(changes) = incoming.body() else { return Err(Refusal::bad_request("no object")) };
        let changed = platform.integrations.change(&id, |all, index| {
            for (field, value) in changes.into_iter().filter(|(field, _)| field != "id" && field != "selfUri") {
                all[index][field] = value;
            }
            all[index]["dateModified"] = now().into();
            all[index].clone()
        })?;
        platform.connect(&changed);
        Ok(Done::answer(changed))
    };
    platform.done("update-integration", &incoming, work).await
}

pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.integrations.change(&id, |all, index| all.remove(index))?;
        platform.webhooks.disconnect(&id);
        Ok(Done::empty(StatusCode::NO_CONTENT))
    };
    platform.done("delete-integration", &incoming, work).await
}
