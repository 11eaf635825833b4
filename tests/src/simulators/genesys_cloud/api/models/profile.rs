//! Models of messaging settings, supported content profiles and identity resolution.

use super::fields::Text;
use super::{Invalid, Model};
use serde::Deserialize;

/// `MessagingSettingRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagingSettingRequest {
    name: Text,
    content: Option<ContentSetting>,
    event: Option<EventSetting>,
}

/// `MessagingSettingPatchRequest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagingSettingPatch {
    name: Option<Text>,
    content: Option<ContentSetting>,
    event: Option<EventSetting>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentSetting {
    story: Option<StorySetting>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StorySetting {
    mention: Option<InboundOnly>,
    reply: Option<InboundOnly>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InboundOnly {
    inbound: Option<Switch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventSetting {
    typing: Option<TypingSetting>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypingSetting {
    on: Option<Directions>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Directions {
    inbound: Option<Switch>,
    outbound: Option<Switch>,
}

#[derive(Debug, Deserialize)]
enum Switch {
    Enabled,
    Disabled,
}

/// The fields of `SupportedContent` that are sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SupportedContent {
    name: Text,
    media_types: Option<MediaTypes>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaTypes {
    allow: Option<MediaTypeAccess>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaTypeAccess {
    inbound: Option<Vec<MediaType>>,
    outbound: Option<Vec<MediaType>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaType {
    r#type: Text,
}

/// `OpenMessagingIdentityResolutionConfig`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct IdentityResolution {
    division: Option<Division>,
    resolve_identities: bool,
    external_source: Option<ExternalSource>,
    self_uri: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Division {
    id: Option<Text>,
    name: Option<Text>,
    self_uri: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExternalSource {
    id: Option<Text>,
    self_uri: Option<String>,
}

impl Model for MessagingSettingRequest {}

impl Model for MessagingSettingPatch {}

impl Model for SupportedContent {
    /// A media type has two parts, each of which may be a wildcard.
    fn check(&self) -> Result<(), Invalid> {
        let allow = self.media_types.as_ref().and_then(|types| types.allow.as_ref());
        let lists = allow.into_iter().flat_map(|allow| [&allow.inbound, &allow.outbound]);
        match lists.flatten().flatten().any(|one| one.r#type.split('/').filter(|part| !part.is_empty()).count() != 2) {
            true => Err(Invalid::new("mediaTypes", "must be media types")),
            false => Ok(()),
        }
    }
}

impl Model for IdentityResolution {}

#[cfg(test)]
mod tests {
    use super::super::edges::{accepts, refuses};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_messaging_setting_has_a_name_and_switches() {
        let on = json!({"inbound": "Enabled", "outbound": "Disabled"});
        let example = json!({"name": "Patchbay", "event": {"typing": {"on": on}}});
        accepts::<MessagingSettingRequest>(&example);
        accepts::<MessagingSettingPatch>(&example);
        accepts::<MessagingSettingPatch>(&json!({"event": {}}));
        refuses::<MessagingSettingRequest>(&example, "/name", None);
        refuses::<MessagingSettingRequest>(&example, "/event/typing/on/inbound", Some(json!(true)));
        refuses::<MessagingSettingRequest>(&example, "/event/receipt", Some(json!({})));
    }

    #[test]
    fn supported_content_has_a_name_and_lists_of_media_types() {
        let allow = json!({"inbound": [{"type": "*/*"}], "outbound": [{"type": "image/*"}]});
        let example = json!({"name": "Patchbay", "mediaTypes": {"allow": allow}});
        accepts::<SupportedContent>(&example);
        refuses::<SupportedContent>(&example, "/name", None);
        refuses::<SupportedContent>(&example, "/mediaTypes/allow/inbound/0", Some(json!("image/png")));
        refuses::<SupportedContent>(&example, "/mediaTypes/allow/inbound/0/type", Some(json!("pdf")));
    }

    #[test]
    fn identity_resolution_is_on_or_off() {
        let example = json!({"division": {"id": "d"}, "resolveIdentities": true, "externalSource": {"id": "s"}});
        accepts::<IdentityResolution>(&example);
        refuses::<IdentityResolution>(&example, "/resolveIdentities", None);
        refuses::<IdentityResolution>(&example, "/resolveIdentities", Some(json!("yes")));
    }
}
