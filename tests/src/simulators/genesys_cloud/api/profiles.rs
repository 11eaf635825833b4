//! Messaging settings, which enable typing, and supported content profiles, which allow media types. Without them an
//! integration has the organisation's defaults, or else the platform's: no typing, every file of customers, and JPEG, PNG and GIF of agents.

use super::answers::{Done, Refusal};
use super::models::{MessagingSettingPatch, MessagingSettingRequest, SupportedContent};
use super::platform::{Incoming, Platform};
use super::users::page;
use super::webhooks::now;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// What agents can send by default.
const DEFAULT_OUTBOUND: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MessagingSetting,
    SupportedContent,
}

impl Kind {
    pub(super) const BOTH: [Self; 2] = [Self::MessagingSetting, Self::SupportedContent];

    pub(super) fn collection(self) -> &'static str {
        match self {
            Self::MessagingSetting => "settings",
            Self::SupportedContent => "supportedcontent",
        }
    }

    /// The field of an integration that refers to one.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::MessagingSetting => "messagingSetting",
            Self::SupportedContent => "supportedContent",
        }
    }

    /// The names of the operations: list, create, get, update.
    fn operations(self) -> [&'static str; 4] {
        match self {
            Self::MessagingSetting => {
                ["messaging-settings", "create-messaging-setting", "messaging-setting", "update-messaging-setting"]
            }
            Self::SupportedContent => {
                ["supported-contents", "create-supported-content", "supported-content", "update-supported-content"]
            }
        }
    }

    /// Checks a new one.
    fn check_new(self, incoming: &Incoming) -> Result<(), Refusal> {
        match self {
            Self::MessagingSetting => incoming.read::<MessagingSettingRequest>().map(drop),
            Self::SupportedContent => incoming.read::<SupportedContent>().map(drop),
        }
    }

    fn check_update(self, incoming: &Incoming) -> Result<(), Refusal> {
        match self {
            Self::MessagingSetting => incoming.read::<MessagingSettingPatch>().map(drop),
            Self::SupportedContent => incoming.read::<SupportedContent>().map(drop),
        }
    }
}

/// A profile, and whether it can be read yet: the first read of a new one does not find it.
struct Entity {
    kind: Kind,
    profile: Value,
    visible: bool,
}

#[derive(Default)]
pub(super) struct Profiles {
    all: Mutex<Vec<Entity>>,
    /// The organisation's defaults: their ids.
    defaults: Mutex<Vec<(Kind, Value)>>,
    /// Whether the platform refuses new supported content profiles.
    pub(super) creation_disabled: AtomicBool,
}

impl Profiles {
    pub(super) fn of(&self, kind: Kind) -> Vec<Value> {
        let all = self.all.lock().expect("no panic");
        all.iter().filter(|one| one.kind == kind).map(|one| one.profile.clone()).collect()
    }

    pub(super) fn add(&self, kind: Kind, mut profile: Value, visible: bool) -> Value {
        let id = Uuid::new_v4().to_string();
        profile["selfUri"] = format!("/api/v2/conversations/messaging/{}/{id}", kind.collection()).into();
        profile["id"] = id.into();
        profile["dateCreated"] = now().into();
        self.all.lock().expect("no panic").push(Entity { kind, profile: profile.clone(), visible });
        profile
    }

    /// The visible ones. Others are visible next time.
    fn list(&self, kind: Kind) -> Vec<Value> {
        let mut all = self.all.lock().expect("no panic");
        let of_kind = all.iter_mut().filter(|one| one.kind == kind);
        of_kind.filter_map(|one| std::mem::replace(&mut one.visible, true).then(|| one.profile.clone())).collect()
    }

    pub(super) fn set_default(&self, kind: Kind, id: &str) {
        let mut defaults = self.defaults.lock().expect("no panic");
        defaults.retain(|(known, _)| *known != kind);
        defaults.push((kind, id.into()));
    }

    /// The id of the organisation's default.
    fn default_id(&self, kind: Kind) -> Option<Value> {
        let defaults = self.defaults.lock().expect("no panic");
        defaults.iter().find(|(known, _)| *known == kind).map(|(_, id)| id.clone())
    }

    /// The profile with this id; `default` is the organisation's.
    fn read(&self, kind: Kind, id: &str) -> Option<Value> {
        let id = if id == "default" { self.default_id(kind)? } else { id.into() };
        let mut all = self.all.lock().expect("no panic");
        let one = all.iter_mut().find(|one| one.kind == kind && one.profile["id"] == id)?;
        std::mem::replace(&mut one.visible, true).then(|| one.profile.clone())
    }

    /// Replaces every field that can be set: what a request leaves out is cleared.
    fn update(&self, kind: Kind, id: &str, changes: Value) -> Option<Value> {
        let mut all = self.all.lock().expect("no panic");
        let one = all.iter_mut().find(|one| one.kind == kind && one.profile["id"] == id)?;
        for field in ["name", "content", "event", "mediaTypes"] {
            one.profile[field] = changes[field].clone();
        }
        if let Value::Object(fields) = &mut one.profile {
            fields.retain(|_, value| !value.is_null());
        }
        Some(one.profile.clone())
    }

    /// The profile that an integration refers to, or else the organisation's default.
    fn assigned(&self, kind: Kind, integration: Option<&Value>) -> Option<Value> {
        let assigned = integration?[kind.field()]["id"].clone();
        let id = if assigned.is_null() { self.default_id(kind)? } else { assigned };
        self.of(kind).into_iter().find(|one| one["id"] == id)
    }

    /// A reference with only id and name, or that there is no such profile.
    pub(super) fn reference(&self, kind: Kind, id: &Value) -> Result<Value, Refusal> {
        let all = self.all.lock().expect("no panic");
        let known = all.iter().find(|one| one.kind == kind && one.visible && one.profile["id"] == *id);
        let profile = &known.ok_or_else(|| Refusal::bad_request(&format!("{}.id is unknown", kind.field())))?.profile;
        Ok(json!({"id": profile["id"], "name": profile["name"], "selfUri": profile["selfUri"]}))
    }
}

impl Platform {
    /// Whether typing in this direction (`inbound`, `outbound`) is enabled.
    pub(super) fn has_typing(&self, integration: &str, direction: &str) -> bool {
        let integration = self.integrations.find(integration);
        let setting = self.profiles.assigned(Kind::MessagingSetting, integration.as_ref()).unwrap_or_default();
        setting["event"]["typing"]["on"][direction] == "Enabled"
    }

    /// Whether a media type is allowed in this direction.
    pub(super) fn allows(&self, integration: &str, direction: &str, media_type: &str) -> bool {
        let integration = self.integrations.find(integration);
        let Some(content) = self.profiles.assigned(Kind::SupportedContent, integration.as_ref()) else {
            return direction == "inbound" || DEFAULT_OUTBOUND.contains(&media_type);
        };
        let kind = media_type.split('/').next().unwrap_or_default();
        let allowed = content["mediaTypes"]["allow"][direction].as_array().into_iter().flatten();
        allowed.filter_map(|one| one["type"].as_str()).any(|allowed| {
            ["*/*", media_type].contains(&allowed) || allowed.strip_suffix("/*").is_some_and(|allowed| allowed == kind)
        })
    }
}

pub(super) async fn list(kind: Kind, State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || Ok(Done::answer(page(&incoming.query(), platform.profiles.list(kind))?));
    platform.done(kind.operations()[0], &incoming, work).await
}

pub(super) async fn create(kind: Kind, State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        kind.check_new(&incoming)?;
        if kind == Kind::SupportedContent && platform.profiles.creation_disabled.load(Ordering::Relaxed) {
            return Err(Refusal::bad_request("Choosing attachment types is temporarily disabled."));
        }
        Ok(Done::answer(platform.profiles.add(kind, incoming.body(), false)).status(StatusCode::CREATED))
    };
    platform.done(kind.operations()[1], &incoming, work).await
}

pub(super) async fn one(
    kind: Kind,
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || platform.profiles.read(kind, &id).map(Done::answer).ok_or_else(not_found);
    platform.done(kind.operations()[2], &incoming, work).await
}

pub(super) async fn update(
    kind: Kind,
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Response {
    let work = || {
        kind.check_update(&incoming)?;
        platform.profiles.update(kind, &id, incoming.body()).map(Done::answer).ok_or_else(not_found)
    };
    platform.done(kind.operations()[3], &incoming, work).await
}

fn not_found() -> Refusal {
    Refusal::not_found("The profile was not found.")
}
