//! Which of an integration's secrets is meant.

use super::super::document::Document;
use crate::failure::Failure;
use serde_json::Value;
use shared::platform::PlatformName;
use std::fmt;
use std::str::FromStr;

/// A secret that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// What Genesys Cloud signs webhooks with.
    Webhook,
    /// What Multicloud CX and we sign with.
    App,
    /// What deliveries are signed with.
    Signing,
    /// What one of the callers proves itself by.
    Caller(String),
    /// The OAuth client's secret.
    Client,
    /// HighLevel's token.
    Token,
    /// What the gateway of Multicloud CX asks for.
    ApiKey,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "app" => Ok(Self::App),
            "signing" => Ok(Self::Signing),
            "client" => Ok(Self::Client),
            "token" => Ok(Self::Token),
            "api-key" => Ok(Self::ApiKey),
            _ => match text.strip_prefix("caller:").filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Caller(name.to_owned())),
                None => Err("must be webhook, signing, caller:NAME, client, app, api-key or token"),
            },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook => formatter.write_str("webhook"),
            Self::App => formatter.write_str("app"),
            Self::Signing => formatter.write_str("signing"),
            Self::Caller(name) => write!(formatter, "caller:{name}"),
            Self::Client => formatter.write_str("client"),
            Self::Token => formatter.write_str("token"),
            Self::ApiKey => formatter.write_str("api-key"),
        }
    }
}

/// How a secret is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Old and new stand in the list at this pointer for a while.
    Overlap(&'static str),
    /// The caller stands in the list twice for a while.
    ListedTwice,
    /// The new one takes the old one's place at this pointer.
    Replaced(&'static str),
}

impl Target {
    /// How it is changed.
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Webhook => Way::Overlap("/webhookSecrets"),
            Self::App => Way::Overlap("/appSecrets"),
            Self::Signing => Way::Overlap("/delivery/signingSecrets"),
            Self::Caller(_) => Way::ListedTwice,
            Self::Client => Way::Replaced("/clientSecret"),
            Self::Token => Way::Replaced("/token"),
            Self::ApiKey => Way::Replaced("/apiKey"),
        }
    }

    /// The environment variable that may hold the new one.
    pub(super) fn variable(&self) -> &'static str {
        match self {
            Self::Webhook => "PATCHBAY_WEBHOOK_SECRET",
            Self::App => "PATCHBAY_APP_SECRET",
            Self::Signing => "PATCHBAY_SIGNING_SECRET",
            Self::Caller(_) => "PATCHBAY_CALLER_SECRET",
            Self::Client => "PATCHBAY_CLIENT_SECRET",
            Self::Token => "PATCHBAY_TOKEN",
            Self::ApiKey => "PATCHBAY_API_KEY",
        }
    }

    /// Whether it is one of those that the other side makes, and that cannot be generated.
    pub(super) fn is_given(&self) -> bool {
        matches!(self, Self::App | Self::Client | Self::Token | Self::ApiKey)
    }

    /// Insists that integrations of this platform have it.
    pub(super) fn check(&self, platform: PlatformName) -> Result<(), Failure> {
        let of = match self {
            Self::Signing | Self::Caller(_) => return Ok(()),
            Self::Webhook | Self::Client => PlatformName::GenesysCloud,
            Self::App | Self::ApiKey => PlatformName::MulticloudCx,
            Self::Token => PlatformName::HighLevel,
        };
        match of == platform {
            true => Ok(()),
            false => {
                Err(Failure::Usage(format!("an integration of the platform {} has no such secret", platform.as_str())))
            }
        }
    }

    /// The secrets of it that are good now, current first.
    pub(super) fn secrets(&self, document: &Document) -> Vec<Value> {
        match self.way() {
            Way::Overlap(pointer) => document.list(pointer).to_vec(),
            Way::Replaced(pointer) => document.get(pointer).cloned().into_iter().collect(),
            Way::ListedTwice => self.entries(document).filter_map(|entry| credential(entry).cloned()).collect(),
        }
    }

    /// The caller's entries in the list.
    fn entries<'d>(&'d self, document: &'d Document) -> impl Iterator<Item = &'d Value> {
        document.list("/callers").iter().filter(|entry| self.is_of(entry))
    }

    fn is_of(&self, entry: &Value) -> bool {
        matches!(self, Self::Caller(name) if entry.get("name").and_then(Value::as_str) == Some(name))
    }

    /// Whether a caller proves itself by a token.
    pub(super) fn bears_token(&self, document: &Document) -> bool {
        self.entries(document).next().is_some_and(|entry| entry.get("bearerToken").is_some())
    }

    /// The document with the new secret besides the old one, or in its place.
    pub(super) fn with_new(&self, document: &Document, new: String) -> Document {
        let mut changed = document.clone();
        match self.way() {
            Way::Replaced(pointer) => changed.set(pointer, new.into()),
            Way::Overlap(pointer) => {
                let secrets: Vec<_> = [new.into()].into_iter().chain(document.list(pointer).iter().cloned()).collect();
                changed.set(pointer, secrets.into());
            }
            Way::ListedTwice => {
                let mut callers = document.list("/callers").to_vec();
                if let Some(index) = callers.iter().position(|entry| self.is_of(entry))
                    && let Some(mut entry) = callers.get(index).cloned()
                {
                    let field = if entry.get("bearerToken").is_some() { "bearerToken" } else { "signingSecret" };
                    if let Some(members) = entry.as_object_mut() {
                        members.insert(field.to_owned(), new.into());
                    }
                    callers.insert(index, entry);
                }
                changed.set("/callers", callers.into());
            }
        }
        changed
    }

    /// The document with the current secret only.
    pub(super) fn without_old(&self, document: &Document) -> Document {
        let mut changed = document.clone();
        match self.way() {
            Way::Replaced(_) => {}
            Way::Overlap(pointer) => {
                let current: Vec<_> = document.list(pointer).iter().take(1).cloned().collect();
                changed.set(pointer, current.into());
            }
            Way::ListedTwice => {
                let mut kept = false;
                let keep = |entry: &&Value| !self.is_of(entry) || !std::mem::replace(&mut kept, true);
                let callers: Vec<_> = document.list("/callers").iter().filter(keep).cloned().collect();
                changed.set("/callers", callers.into());
            }
        }
        changed
    }
}

fn credential(entry: &Value) -> Option<&Value> {
    entry.get("signingSecret").or(entry.get("bearerToken"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        Document::parse(
            r#"{"webhookSecrets": ["old"], "clientSecret": "old", "callers": [
                {"name": "crm", "signingSecret": "a"}, {"name": "flows", "bearerToken": "old"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_new_one_comes_before_the_old_one_until_the_old_one_is_dropped() {
        for (target, pointer) in [("webhook", "/webhookSecrets"), ("caller:flows", "/callers")] {
            let (target, before): (Target, _) = (target.parse().unwrap(), document());
            let both = target.with_new(&before, "new".to_owned());
            assert_eq!(vec![json!("new"), json!("old")], target.secrets(&both));
            let after = target.without_old(&both);
            assert_eq!(vec![json!("new")], target.secrets(&after));
            assert_eq!(vec![pointer], before.differences(&after));
            assert!(target.without_old(&after) == after);
        }
    }

    #[test]
    fn other_callers_keep_theirs() {
        let target: Target = "caller:flows".parse().unwrap();
        let both = target.with_new(&document(), "new".to_owned());
        assert_eq!(
            json!([
                {"name": "crm", "signingSecret": "a"},
                {"name": "flows", "bearerToken": "new"},
                {"name": "flows", "bearerToken": "old"},
            ]),
            *both.get("/callers").unwrap()
        );
        assert!(target.bears_token(&both));
    }

    #[test]
    fn a_secret_of_which_the_other_side_has_only_one_is_replaced() {
        let changed = Target::Client.with_new(&document(), "new".to_owned());
        assert_eq!(Some("new"), changed.text("/clientSecret"));
        assert_eq!(vec![json!("new")], Target::Client.secrets(&changed));
    }

    #[test]
    fn only_what_the_platform_has_can_be_rotated() {
        assert!(Target::Webhook.check(PlatformName::GenesysCloud).is_ok());
        assert!(Target::Webhook.check(PlatformName::HighLevel).is_err());
        assert!(Target::Signing.check(PlatformName::MulticloudCx).is_ok());
        assert!("caller:".parse::<Target>().is_err() && "hidden".parse::<Target>().is_err());
    }
}
