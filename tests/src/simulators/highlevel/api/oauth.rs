//! The tokens of one app and one location, as strict as the platform documents: a refresh token is used once, and for some
//! time its repetition has the same response.

use super::platform::{Incoming, Refusal};
use axum::Json;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

pub const CLIENT_ID: &str = "66a1b2c3-m2x4";
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";
/// The app's id: the client's up to the hyphen.
pub const OAUTH_APP_ID: &str = "66a1b2c3";
pub const COMPANY_ID: &str = "company-of-the-tests";

/// A request for tokens that was answered with some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// `authorization_code` or `refresh_token`.
    pub grant: String,
    /// The code, or the refresh token.
    pub used: String,
}

pub struct OAuth {
    state: Mutex<State>,
    pub(super) issues: watch::Sender<Vec<Issue>>,
    gate: watch::Sender<bool>,
}

struct State {
    lifetime: Duration,
    grace: Duration,
    reconnects: bool,
    location: String,
    /// Codes that were not used yet, and what they are for.
    codes: HashMap<String, UserType>,
    refresh_token: Option<String>,
    /// The refresh token that was used last, when, and the response.
    used: Option<(String, Instant, Value)>,
    access_tokens: HashMap<String, Instant>,
    lost_answers: usize,
    /// The status with which all token requests fail.
    failure: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    Location,
    Company,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    client_id: String,
    client_secret: String,
    grant_type: String,
    user_type: Option<String>,
    code: Option<String>,
    refresh_token: Option<String>,
    #[allow(dead_code)] // the app's registration is not simulated
    redirect_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReconnectRequest {
    client_key: String,
    client_secret: String,
    location_id: String,
}

impl Default for OAuth {
    fn default() -> Self {
        let state = State {
            lifetime: Duration::from_secs(86_399),
            grace: Duration::from_secs(30),
            reconnects: true,
            location: String::new(),
            codes: HashMap::new(),
            refresh_token: None,
            used: None,
            access_tokens: HashMap::new(),
            lost_answers: 0,
            failure: None,
        };
        Self { state: Mutex::new(state), issues: watch::Sender::default(), gate: watch::Sender::new(true) }
    }
}

impl OAuth {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// A code with which the location, or its agency, has authorized the app.
    pub fn authorize(&self, location: &str, user_type: UserType) -> String {
        let mut state = self.state();
        location.clone_into(&mut state.location);
        let code = format!("code-{}", Uuid::new_v4().simple());
        state.codes.insert(code.clone(), user_type);
        code
    }

    /// Tokens of the location, as in its secret.
    pub fn tokens(&self, location: &str) -> Value {
        let mut state = self.state();
        location.clone_into(&mut state.location);
        let issued = state.issue(UserType::Location);
        let now = Timestamp::now();
        let lifetime = SignedDuration::try_from(state.lifetime).expect("a short time");
        json!({
            "accessToken": issued["access_token"], "refreshToken": issued["refresh_token"], "issuedAt": now,
            "expiresAt": now + lifetime, "authorizedAt": now, "locationId": location, "companyId": COMPANY_ID,
            "refreshTokenEndsAt": now + SignedDuration::from_hours(365 * 24), "clientId": CLIENT_ID,
            "userType": "Location", "ofAnotherVersion": {"kept": true},
        })
    }

    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// How long a used refresh token has the same response.
    pub fn set_grace(&self, grace: Duration) {
        self.state().grace = grace;
    }

    pub fn refuse_reconnect(&self) {
        self.state().reconnects = false;
    }

    /// Does the work of the next `count` token requests and closes the connections without a response.
    pub fn lose_answers(&self, count: usize) {
        self.state().lost_answers = count;
    }

    /// Answers all token requests with this status from now on, without doing the work.
    pub fn fail_with(&self, status: Option<u16>) {
        self.state().failure = status;
    }

    /// Ends all access tokens.
    pub fn revoke_access_tokens(&self) {
        self.state().access_tokens.clear();
    }

    /// Ends all tokens, as when the app is uninstalled.
    pub fn uninstall(&self) {
        let mut state = self.state();
        state.access_tokens.clear();
        (state.refresh_token, state.used, state.reconnects) = (None, None, false);
    }

    /// Does the work of token requests, and holds the responses until this is called with `false`.
    pub fn hold_answers(&self, held: bool) {
        self.gate.send_replace(!held);
    }

    /// The requests that were answered with tokens.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        self.issues.borrow().clone()
    }

    /// Waits until at least `count` requests were answered with tokens.
    pub async fn wait_for_issues(&self, count: usize) -> Vec<Issue> {
        let mut issues = self.issues.subscribe();
        let waiting = issues.wait_for(|issues| issues.len() >= count);
        let in_time = tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok();
        assert!(in_time, "no tokens were requested; so far: {:?}", self.issues());
        self.issues()
    }

    pub(super) fn accepts(&self, token: Option<&str>) -> bool {
        let state = self.state();
        token.and_then(|token| state.access_tokens.get(token)).is_some_and(|end| Instant::now() < *end)
    }

    pub(super) async fn token(&self, incoming: &Incoming) -> Response {
        let answer = self.answer(incoming);
        let mut open = self.gate.subscribe();
        open.wait_for(|open| *open).await.expect("the platform runs");
        let is_lost = {
            let mut state = self.state();
            let is_lost = state.lost_answers > 0;
            state.lost_answers = state.lost_answers.saturating_sub(1);
            is_lost
        };
        if is_lost {
            // The server drops a connection whose handler unwinds.
            resume_unwind(Box::new("closed without an answer"));
        }
        answer.map_or_else(Refusal::answer, |body| Json(body).into_response())
    }

    fn answer(&self, incoming: &Incoming) -> Result<Value, Refusal> {
        let request: TokenRequest = incoming.read_form()?;
        check_client(&request.client_id, &request.client_secret)?;
        let mut state = self.state();
        if let Some(status) = state.failure {
            return Err(Refusal::new(status, "This is simulated."));
        }
        let (used, answer) = match (request.grant_type.as_str(), request.code, request.refresh_token) {
            ("authorization_code", Some(code), None) => {
                let user_type = state.codes.remove(&code).ok_or_else(|| invalid_grant("This code is invalid"))?;
                (code, state.issue(user_type))
            }
            ("refresh_token", None, Some(token)) => {
                if request.user_type.as_deref() != Some("Location") {
                    return Err(Refusal::new(422, "user_type must be Location"));
                }
                let answer = state.refresh(&token).ok_or_else(|| invalid_grant("This refresh token is invalid"))?;
                (token, answer)
            }
            _ => return Err(Refusal::new(422, "grant_type does not match the other fields")),
        };
        self.issues.send_modify(|issues| issues.push(Issue { grant: request.grant_type, used }));
        Ok(answer)
    }

    pub(super) fn reconnect(&self, incoming: &Incoming) -> Result<Value, Refusal> {
        let request: ReconnectRequest = incoming.read()?;
        check_client(&request.client_key, &request.client_secret)?;
        let (reconnects, location) = {
            let state = self.state();
            (state.reconnects, state.location.clone())
        };
        if !reconnects || request.location_id != location {
            return Err(Refusal::new(401, "The app is not installed."));
        }
        let code = self.authorize(&location, UserType::Location);
        Ok(json!({"authorizationCode": code, "expiresAt": Timestamp::now(), "traceId": "t"}))
    }
}

impl State {
    fn issue(&mut self, user_type: UserType) -> Value {
        let token = |kind: &str| format!("{kind}-{}", Uuid::new_v4().simple());
        let (access, refresh) = (token("access"), token("refresh"));
        self.access_tokens.insert(access.clone(), Instant::now() + self.lifetime);
        self.refresh_token = Some(refresh.clone());
        let mut answer = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer",
            "expires_in": self.lifetime.as_secs(), "scope": "conversations/message.write", "companyId": COMPANY_ID,
            "userType": format!("{user_type:?}"), "userId": "u", "isBulkInstallation": false,
        });
        if user_type == UserType::Location {
            answer["locationId"] = self.location.as_str().into();
        }
        answer
    }

    fn refresh(&mut self, token: &str) -> Option<Value> {
        if self.refresh_token.as_deref() == Some(token) {
            let answer = self.issue(UserType::Location);
            self.used = Some((token.to_owned(), Instant::now(), answer.clone()));
            return Some(answer);
        }
        let (used, at, answer) = self.used.as_ref()?;
        (used == token && at.elapsed() < self.grace).then(|| answer.clone())
    }
}

fn check_client(id: &str, secret: &str) -> Result<(), Refusal> {
    match (id, secret) {
        (CLIENT_ID, CLIENT_SECRET) => Ok(()),
        _ => Err(Refusal::new(401, "Invalid client credentials!")),
    }
}

fn invalid_grant(message: &str) -> Refusal {
    Refusal::new(400, message)
}
