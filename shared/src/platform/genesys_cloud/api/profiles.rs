//! The profiles that are assigned to open messaging integrations: messaging settings (in the administration *platform
//! configuration profiles*) enable typing, supported content profiles allow media types. Without them typing is disabled
//! in both directions, and agents can send only JPEG, PNG and GIF. Only the command uses these calls.
//!
//! Source: <https://help.mypurecloud.com/articles/platform-configuration-profiles-overview>,
//! <https://help.mypurecloud.com/articles/supported-content-profiles>.

use super::{Call, Client};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use tokio::time::Instant;

/// In place of a profile's id: the organisation's default, which integrations without a profile have.
pub const DEFAULT_PROFILE: &str = "default";

/// As seen from the platform: a customer's message is inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::Inbound, Self::Outbound];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// What the role of the OAuth client needs for each call.
#[derive(Debug, Clone, Copy)]
pub struct Permissions {
    pub view: &'static str,
    pub add: &'static str,
    pub edit: &'static str,
}

/// A kind of profile. In an integration it is a reference, which may have only the id.
pub trait Profile: fmt::Debug + fmt::Display + Clone + Default + Serialize + DeserializeOwned {
    const COLLECTION: &'static str;
    const PERMISSIONS: Permissions;

    fn id(&self) -> &str;
    fn name(&self) -> &str;
    /// Whether it has its content, and not only its id.
    fn is_complete(&self) -> bool;
}

/// Some fields of `MessagingSetting` and `MessagingSettingReference`; serialized, a `MessagingSettingRequest`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessagingSetting {
    #[serde(skip_serializing)]
    id: String,
    name: Option<String>,
    /// Its settings for other kinds of messaging, which an update sends back.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Value>,
}

/// Some fields of `SupportedContent` and `SupportedContentReference`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SupportedContent {
    #[serde(skip_serializing)]
    id: String,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_types: Option<Value>,
}

impl Profile for MessagingSetting {
    const COLLECTION: &'static str = "settings";
    const PERMISSIONS: Permissions =
        Permissions { view: "messaging:setting:view", add: "messaging:setting:add", edit: "messaging:setting:edit" };

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn is_complete(&self) -> bool {
        self.event.is_some()
    }
}

impl MessagingSetting {
    /// A new one with typing in both directions.
    #[must_use]
    pub fn with_typing(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }.enabling_typing()
    }

    /// The same, with typing in both directions.
    #[must_use]
    pub fn enabling_typing(self) -> Self {
        let typing = json!({"typing": {"on": {"inbound": "Enabled", "outbound": "Enabled"}}});
        Self { event: Some(typing), ..self }
    }

    /// Whether typing is enabled.
    #[must_use]
    pub fn typing(&self, direction: Direction) -> bool {
        let switch = self.event.as_ref().and_then(|event| event.pointer("/typing/on")?.get(direction.as_str()));
        switch.is_some_and(|switch| switch == "Enabled")
    }
}

/// Its content.
impl fmt::Display for MessagingSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switch = |direction| if self.typing(direction) { "on" } else { "off" };
        write!(formatter, "typing inbound {}, outbound {}", switch(Direction::Inbound), switch(Direction::Outbound))
    }
}

impl Profile for SupportedContent {
    const COLLECTION: &'static str = "supportedcontent";
    const PERMISSIONS: Permissions = Permissions {
        view: "messaging:supportedContent:view",
        add: "messaging:supportedContent:add",
        edit: "messaging:supportedContent:edit",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn is_complete(&self) -> bool {
        self.media_types.is_some()
    }
}

impl SupportedContent {
    /// A new one that allows nothing.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// The same, with these media types in this direction.
    #[must_use]
    pub fn allowing<T: AsRef<str>>(self, direction: Direction, types: &[T]) -> Self {
        let given: Vec<_> = types.iter().map(AsRef::as_ref).collect();
        let list = |one| {
            let types = if one == direction { given.clone() } else { self.media_types(one).collect() };
            Value::from_iter(types.into_iter().map(|text| json!({"type": text})))
        };
        let allow = json!({"inbound": list(Direction::Inbound), "outbound": list(Direction::Outbound)});
        Self { media_types: Some(json!({"allow": allow})), ..self }
    }

    /// The allowed media types, such as `application/pdf`, `image/*` and `*/*`.
    pub fn media_types(&self, direction: Direction) -> impl Iterator<Item = &str> {
        let allow = self.media_types.as_ref().and_then(|types| types.get("allow")?.get(direction.as_str())?.as_array());
        allow.into_iter().flatten().filter_map(|one| one.get("type")?.as_str())
    }

    /// Whether it allows a media type, or with a wildcard all of a kind.
    #[must_use]
    pub fn allows(&self, direction: Direction, media_type: &str) -> bool {
        let kind = media_type.split('/').next().unwrap_or_default();
        self.media_types(direction).any(|allowed| {
            allowed == "*/*"
                || allowed.eq_ignore_ascii_case(media_type)
                || allowed.strip_suffix("/*").is_some_and(|allowed| allowed.eq_ignore_ascii_case(kind))
        })
    }
}

/// Its content.
impl fmt::Display for SupportedContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |direction| match Vec::from_iter(self.media_types(direction)) {
            types if types.is_empty() => "none".to_owned(),
            types => types.join(", "),
        };
        write!(formatter, "media types inbound {}; outbound {}", list(Direction::Inbound), list(Direction::Outbound))
    }
}

/// The permissions are in [`Profile::PERMISSIONS`].
impl Client {
    /// All profiles of this kind.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn profiles<P: Profile>(&self, config: &Config, deadline: Instant) -> Result<Vec<P>, ApiError> {
        self.list(config, &path_of::<P>(), deadline).await
    }

    /// The profile with this id, if there is one.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn profile<P: Profile>(
        &self,
        config: &Config,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<P>, ApiError> {
        self.entity(config, &Call::get(&[&path_of::<P>()[..], &[id]].concat()), deadline).await
    }

    /// Creates a profile. It is not retried if the platform may have created it.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create_profile<P: Profile>(
        &self,
        config: &Config,
        profile: &P,
        deadline: Instant,
    ) -> Result<P, ApiError> {
        let created: P = self.call(config, &Call::post(&path_of::<P>(), profile)?, deadline).await?;
        match created.id() {
            "" => Err(ApiError::OutcomeUnknown { cause: "the response cannot be read", error: None }),
            _ => Ok(created),
        }
    }

    /// Updates a profile. Whether the platform keeps a field that is left out is not documented: all are sent.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn update_profile<P: Profile>(
        &self,
        config: &Config,
        profile: &P,
        deadline: Instant,
    ) -> Result<(), ApiError> {
        let path = [&path_of::<P>()[..], &[profile.id()]].concat();
        self.call::<P>(config, &Call::patch(&path, profile)?, deadline).await.map(drop)
    }
}

fn path_of<P: Profile>() -> [&'static str; 5] {
    ["api", "v2", "conversations", "messaging", P::COLLECTION]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_read_for_each_direction_and_is_disabled_unless_stated() {
        let read = |event: Value| {
            let setting: MessagingSetting = serde_json::from_value(json!({"id": "i", "event": event})).unwrap();
            Direction::BOTH.map(|direction| setting.typing(direction))
        };
        assert_eq!([true, true], read(json!({"typing": {"on": {"inbound": "Enabled", "outbound": "Enabled"}}})));
        assert_eq!([true, false], read(json!({"typing": {"on": {"inbound": "Enabled", "outbound": "Disabled"}}})));
        for nothing in [json!({}), Value::Null, json!({"typing": null}), json!({"typing": {"on": {"inbound": true}}})] {
            assert_eq!([false, false], read(nothing));
        }
    }

    #[test]
    fn an_update_of_a_messaging_setting_sends_back_what_it_has_besides() {
        let found = json!({
            "id": "i", "name": "n", "version": "3", "content": {"story": {"mention": {"inbound": "Enabled"}}},
            "event": {"typing": {"on": {"inbound": "Enabled"}}},
        });
        let setting: MessagingSetting = serde_json::from_value(found.clone()).unwrap();
        let expected = json!({
            "name": "n", "content": found["content"],
            "event": {"typing": {"on": {"inbound": "Enabled", "outbound": "Enabled"}}},
        });
        assert_eq!(expected, serde_json::to_value(setting.enabling_typing()).unwrap());
    }

    #[test]
    fn media_types_are_changed_in_one_direction_and_kept_in_the_other() {
        let profile = SupportedContent::named("n").allowing(Direction::Inbound, &["*/*"]);
        let profile = profile.allowing(Direction::Outbound, &["image/*", "application/pdf"]);
        let allow = json!({
            "inbound": [{"type": "*/*"}], "outbound": [{"type": "image/*"}, {"type": "application/pdf"}],
        });
        assert_eq!(json!({"name": "n", "mediaTypes": {"allow": allow}}), serde_json::to_value(profile).unwrap());
    }

    #[test]
    fn a_wildcard_allows_every_media_type_of_its_kind() {
        let profile = SupportedContent::named("n").allowing(Direction::Outbound, &["image/*", "application/pdf"]);
        for allowed in ["image/png", "image/*", "application/pdf", "Application/PDF"] {
            assert!(profile.allows(Direction::Outbound, allowed), "{allowed}");
            assert!(!profile.allows(Direction::Inbound, allowed), "{allowed}");
        }
        for refused in ["*/*", "text/plain", "application/*", "imagex/png"] {
            assert!(!profile.allows(Direction::Outbound, refused), "{refused}");
        }
        assert!(SupportedContent::named("n").allowing(Direction::Inbound, &["*/*"]).allows(Direction::Inbound, "*/*"));
    }

    #[test]
    fn a_reference_may_have_only_its_id() {
        let lean: SupportedContent = serde_json::from_value(json!({"id": "i"})).unwrap();
        assert_eq!(("i", "", false), (lean.id(), lean.name(), lean.is_complete()));
    }
}
