//! The organisation's Open Messaging integrations, and whether their senders are matched with external contacts.

use super::answers::{Done, Refusal};
use super::models::{IdentityResolution, OpenIntegrationRequest, OpenIntegrationUpdate};
use super::platform::{Incoming, Platform};
use super::profiles::Kind;
use super::users::page;
use super::webhooks::now;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// The fields of an update. Whether one that is left out keeps its value is not documented: here it is cleared.
const UPDATED: [&str; 5] = [
    "outboundNotificationWebhookUrl",
    "outboundNotificationWebhookSignatureSecretToken",
    "webhookHeaders",
    "messagingSetting",
    "supportedContent",
];

#[derive(Default)]
pub(super) struct Integrations {
    /// As the platform returns them.
    all: Mutex<Vec<Value>>,
    /// What the next read of an updated one still returns.
    outdated: Mutex<HashMap<String, Value>>,
    identity_resolutions: Mutex<HashMap<String, Value>>,
    /// Whether responses have asterisks in place of the values of webhook headers.
    pub(super) hides_headers: AtomicBool,
}

impl Integrations {
    pub(super) fn all(&self) -> Vec<Value> {
        self.all.lock().expect("no panic").clone()
    }

    pub(super) fn find(&self, id: &str) -> Option<Value> {
        self.all.lock().expect("no panic").iter().find(|one| one["id"] == id).cloned()
    }

    /// The integration as a response has it.
    fn shown(&self, mut integration: Value) -> Value {
        if self.hides_headers.load(Ordering::Relaxed)
            && let Some(headers) = integration["webhookHeaders"].as_object_mut()
        {
            headers.values_mut().for_each(|value| *value = "****".into());
        }
        integration
    }

    pub(super) fn add(&self, integration: Value) {
        self.all.lock().expect("no panic").push(integration);
    }

    pub(super) fn identity_resolution(&self, id: &str) -> Value {
        let known = self.identity_resolutions.lock().expect("no panic").get(id).cloned();
        let path = "/api/v2/conversations/messaging/identityresolution/integrations/open";
        known.unwrap_or_else(|| json!({
            "resolveIdentities": false, "division": {"id": "home", "name": "Home"}, "selfUri": format!("{path}/{id}"),
        }))
    }

    pub(super) fn set(&self, id: &str, field: &str, value: Value) {
        assert!(self.change(id, |all, index| all[index][field] = value).is_ok(), "no integration {id}");
    }

    pub(super) fn remove(&self, id: &str) {
        assert!(self.change(id, |all, index| all.remove(index)).is_ok(), "no integration {id}");
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Vec<Value>, usize) -> T) -> Result<T, Refusal> {
        let mut all = self.all.lock().expect("no panic");
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
        let headers = integration["webhookHeaders"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        self.webhooks.connect(&text("id"), text("outboundNotificationWebhookUrl"), secret, headers.collect());
    }

    /// Replaces references to profiles by what the platform returns.
    fn resolve_profiles(&self, integration: &mut Value) -> Result<(), Refusal> {
        for kind in Kind::BOTH {
            if let Some(reference) = integration.get_mut(kind.field()) {
                *reference = self.profiles.reference(kind, &reference["id"])?;
            }
        }
        Ok(())
    }
}

pub(super) async fn create(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        incoming.read::<OpenIntegrationRequest>()?;
        let mut integration = incoming.body();
        platform.resolve_profiles(&mut integration)?;
        let id = Uuid::new_v4().to_string();
        integration["selfUri"] = format!("/api/v2/conversations/messaging/integrations/open/{id}").into();
        integration["id"] = id.into();
        integration["status"] = "Active".into();
        integration["dateCreated"] = now().into();
        integration["createStatus"] = "Initiated".into();
        platform.connect(&integration);
        platform.integrations.add(integration.clone());
        Ok(Done::answer(integration))
    };
    platform.done("create-integration", &incoming, work).await
}

pub(super) async fn list(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let all = platform.integrations.all().into_iter().map(|one| platform.integrations.shown(one)).collect();
        Ok(Done::answer(page(&incoming.query(), all)?))
    };
    platform.done("integrations", &incoming, work).await
}

/// An integration is created with the first request for it. The first read after an update returns the old state.
pub(super) async fn one(State(platform): State<Arc<Platform>>, Path(id): Path<String>, incoming: Incoming) -> Response {
    let work = || {
        if let Some(outdated) = platform.integrations.outdated.lock().expect("no panic").remove(&id) {
            return Ok(Done::answer(platform.integrations.shown(outdated)));
        }
        let found = platform.integrations.change(&id, |all, index| {
            if all[index]["createStatus"] == "Initiated" {
                all[index]["createStatus"] = "Completed".into();
            }
            all[index].clone()
        })?;
        Ok(Done::answer(platform.integrations.shown(found)))
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
        let mut changes = incoming.body();
        platform.resolve_profiles(&mut changes)?;
        let (outdated, changed) = platform.integrations.change(&id, |all, index| {
            let outdated = all[index].clone();
            for field in ["name"].into_iter().chain(UPDATED) {
                all[index][field] = changes[field].take();
            }
            all[index]["dateModified"] = now().into();
            all[index].as_object_mut().expect("an object").retain(|_, value| !value.is_null());
            (outdated, all[index].clone())
        })?;
        platform.integrations.outdated.lock().expect("no panic").insert(id.clone(), outdated);
        platform.connect(&changed);
        Ok(Done::answer(platform.integrations.shown(changed)))
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

pub(super) async fn identity_resolution(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        platform.integrations.change(&id, |_, _| ())?;
        Ok(Done::answer(platform.integrations.identity_resolution(&id)))
    };
    platform.done("identity-resolution", &incoming, work).await
}

/// Replaces all of it: what a request leaves out is cleared.
pub(super) async fn set_identity_resolution(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        incoming.read::<IdentityResolution>()?;
        platform.integrations.change(&id, |_, _| ())?;
        platform.integrations.identity_resolutions.lock().expect("no panic").insert(id.clone(), incoming.body());
        Ok(Done::answer(incoming.body()))
    };
    platform.done("update-identity-resolution", &incoming, work).await
}
