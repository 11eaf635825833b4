//! The document with an integration's tokens, as it is in Secrets Manager.

use crate::platform::tokens::IssuedTokens;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::fmt;

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
        if let Some(end) = issued.refresh_token_ends_at {
            set("refreshTokenEndsAt", &end.to_string());
        }
        for (name, value) in &issued.details {
            set(name, value);
        }
        members.remove("lostAt");
        Self(members)
    }

    /// The platform has refused the tokens, and issues no others. They stay: the client's secret may be wrong.
    #[must_use]
    pub fn lost(self, at: Timestamp) -> Self {
        let Self(mut members) = self;
        members.insert("lostAt".to_owned(), at.to_string().into());
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

    /// When the platform refused to renew the tokens, if it has not renewed them since.
    #[must_use]
    pub fn lost_at(&self) -> Option<Timestamp> {
        self.time("lostAt")
    }

    /// When the refresh token ends, if it is not used before. Unknown until the first renewal for tokens that an earlier
    /// version has stored.
    #[must_use]
    pub fn refresh_token_ends_at(&self) -> Option<Timestamp> {
        self.time("refreshTokenEndsAt")
    }

    /// What else the platform has said of the authorization.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.text(name)
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
            refresh_token_ends_at: refresh.map(|_| Timestamp::from_second(at + 600).unwrap()),
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
            "refreshTokenEndsAt": "1970-01-01T00:10:00Z",
        });
        assert_eq!(expected, value(&renewed));
        assert_eq!(expected, value(&Authorization::parse(renewed.to_text().expose_secret()).unwrap()));
        assert_eq!(
            (Some(600), Some("l")),
            (renewed.refresh_token_ends_at().map(Timestamp::as_second), renewed.detail("locationId"))
        );
    }

    #[test]
    fn a_document_of_an_earlier_version_is_read_without_the_end_of_its_refresh_token() {
        let text =
            r#"{"accessToken": "a", "refreshToken": "r", "issuedAt": "1970-01-01T00:00:10Z", "locationId": "l"}"#;
        let stored = Authorization::parse(text).unwrap();
        assert_eq!((None, None), (stored.refresh_token_ends_at(), stored.lost_at()));
        assert_eq!(Some(10), stored.issued_at().map(Timestamp::as_second));
    }

    #[test]
    fn a_lost_authorization_keeps_its_tokens_and_is_found_again_by_a_renewal() {
        let lost = Authorization::granted(None, &issued("a", Some("r"), 0)).lost(Timestamp::from_second(5).unwrap());
        assert_eq!((Some(5), true), (lost.lost_at().map(Timestamp::as_second), lost.refresh_token().is_some()));
        assert_eq!(None, lost.renewed(&issued("b", Some("s"), 9)).lost_at());
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
