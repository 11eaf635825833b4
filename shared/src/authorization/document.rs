//! The document with an integration's tokens, as it is in Secrets Manager.

use crate::platform::tokens::IssuedTokens;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::fmt;

/// How long a refresh token is valid that is not used.
/// Source: <https://marketplace.gohighlevel.com/docs/Authorization/authorization_doc/>.
const REFRESH_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The tokens of an integration. Members that this version does not know are kept.
#[derive(Clone, PartialEq)]
pub struct Authorization(Map<String, Value>);

impl Authorization {
    /// The authorization that was given by an operator just now. `previous` has the members to keep.
    #[must_use]
    pub fn granted(previous: Option<Self>, issued: &IssuedTokens) -> Self {
        let Self(mut members) = previous.unwrap_or_else(|| Self(Map::new())).renewed(issued);
        members.insert("authorizedAt".to_owned(), issued.issued_at.to_string().into());
        members.remove("withdrawnAt");
        Self(members)
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    #[must_use]
    pub fn to_text(&self) -> SecretString {
        Value::Object(self.0.clone()).to_string().into()
    }

    /// With these tokens in place of the present ones.
    #[must_use]
    pub fn renewed(self, issued: &IssuedTokens) -> Self {
        let Self(mut members) = self;
        let mut set = |name: &str, value: &str| members.insert(name.to_owned(), value.into());
        set("accessToken", issued.access_token.expose_secret());
        set("issuedAt", &issued.issued_at.to_string());
        set("expiresAt", &issued.expires_at.to_string());
        if let Some(token) = &issued.refresh_token {
            set("refreshToken", token.expose_secret());
        }
        for (name, value) in &issued.details {
            set(name, value);
        }
        Self(members)
    }

    /// Without tokens, because the app was uninstalled.
    #[must_use]
    pub fn withdrawn(self, at: Timestamp) -> Self {
        let Self(mut members) = self;
        for name in ["accessToken", "refreshToken"] {
            members.remove(name);
        }
        members.insert("withdrawnAt".to_owned(), at.to_string().into());
        Self(members)
    }

    #[must_use]
    pub fn access_token(&self) -> Option<SecretString> {
        self.text("accessToken").map(SecretString::from)
    }

    #[must_use]
    pub fn refresh_token(&self) -> Option<SecretString> {
        self.text("refreshToken").map(SecretString::from)
    }

    /// When the tokens were issued.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.time("issuedAt")
    }

    /// When the access token expires.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.time("expiresAt")
    }

    /// When an operator authorized the app.
    #[must_use]
    pub fn authorized_at(&self) -> Option<Timestamp> {
        self.time("authorizedAt")
    }

    /// When the app was uninstalled.
    #[must_use]
    pub fn withdrawn_at(&self) -> Option<Timestamp> {
        self.time("withdrawnAt")
    }

    /// When the refresh token ends, if it is not used before.
    #[must_use]
    pub fn refresh_token_ends_at(&self) -> Option<Timestamp> {
        self.issued_at()?.checked_add(REFRESH_TOKEN_LIFETIME).ok()
    }

    #[must_use]
    pub fn location_id(&self) -> Option<&str> {
        self.text("locationId")
    }

    #[must_use]
    pub fn company_id(&self) -> Option<&str> {
        self.text("companyId")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name)?.parse().ok()
    }
}

/// Without the tokens.
impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authorization").field("expires_at", &self.expires_at()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issued(access: &str, refresh: Option<&str>, at: i64) -> IssuedTokens {
        IssuedTokens {
            access_token: access.into(),
            refresh_token: refresh.map(SecretString::from),
            issued_at: Timestamp::from_second(at).unwrap(),
            expires_at: Timestamp::from_second(at + 60).unwrap(),
            details: vec![("locationId", "l".to_owned())],
        }
    }

    fn value(authorization: &Authorization) -> Value {
        serde_json::from_str(authorization.to_text().expose_secret()).unwrap()
    }

    #[test]
    fn renewed_tokens_replace_the_present_ones_and_unknown_members_stay() {
        let before = Authorization::parse(r#"{"fromTheFuture": [1], "authorizedAt": "1970-01-01T00:00:00Z"}"#).unwrap();
        let renewed = before.renewed(&issued("a", Some("r"), 0)).renewed(&issued("b", None, 10));
        let expected = json!({
            "fromTheFuture": [1], "authorizedAt": "1970-01-01T00:00:00Z", "accessToken": "b", "refreshToken": "r",
            "issuedAt": "1970-01-01T00:00:10Z", "expiresAt": "1970-01-01T00:01:10Z", "locationId": "l",
        });
        assert_eq!(expected, value(&renewed));
        assert_eq!(expected, value(&Authorization::parse(renewed.to_text().expose_secret()).unwrap()));
        assert_eq!(Some(10 + 365 * 86_400), renewed.refresh_token_ends_at().map(Timestamp::as_second));
    }

    #[test]
    fn a_withdrawn_authorization_has_no_tokens_until_it_is_granted_again() {
        let granted = Authorization::granted(None, &issued("a", Some("r"), 0));
        let withdrawn = granted.withdrawn(Timestamp::from_second(5).unwrap());
        assert!(withdrawn.access_token().is_none() && withdrawn.refresh_token().is_none());
        assert_eq!(Some(5), withdrawn.withdrawn_at().map(Timestamp::as_second));
        let again = Authorization::granted(Some(withdrawn), &issued("b", Some("s"), 9));
        assert_eq!((None, Some(9)), (again.withdrawn_at(), again.authorized_at().map(Timestamp::as_second)));
    }

    #[test]
    fn the_debug_form_has_no_token() {
        let granted = Authorization::granted(None, &issued("hidden", Some("hidden"), 0));
        assert!(!format!("{granted:?}").contains("hidden"));
    }
}
