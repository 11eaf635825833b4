//! OAuth client credentials.

use super::answers::Refusal;
use super::platform::Platform;
use super::{CLIENT_ID, CLIENT_SECRET};
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::{ConnectionReset, Fault, Target};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// The default lifetime of tokens.
const A_DAY: Duration = Duration::from_secs(86_400);

pub(super) struct Tokens {
    /// The number of calls of each token.
    good: Mutex<HashMap<String, usize>>,
    pub(super) requests: Mutex<usize>,
    pub(super) secrets: Credentials,
    pub(super) life: Mutex<Duration>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            good: Mutex::default(),
            requests: Mutex::default(),
            secrets: Credentials::of(CLIENT_SECRET),
            life: Mutex::new(A_DAY),
        }
    }
}

impl Tokens {
    /// Counts a call of a token. `None` if the token is invalid.
    pub(super) fn count(&self, token: &str) -> Option<usize> {
        let mut tokens = self.good.lock().expect("no panic");
        let count = tokens.get_mut(token)?;
        *count += 1;
        Some(*count)
    }

    pub(super) fn revoke(&self) {
        self.good.lock().expect("no panic").clear();
    }

    pub(super) fn good(&self) -> Vec<String> {
        self.good.lock().expect("no panic").keys().cloned().collect()
    }

    fn issue(&self, headers: &HeaderMap, body: &str) -> Response {
        let basic = |secret: &str| format!("Basic {}", BASE64.encode(format!("{CLIENT_ID}:{secret}").as_bytes()));
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let known = self.secrets.take(|secret| given == Some(basic(secret).as_bytes()));
        let form = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/x-www-form-urlencoded");
        if !known {
            let error = json!({"error": "invalid_client", "description": "client not found"});
            return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
        }
        if !form || body != "grant_type=client_credentials" {
            return (StatusCode::BAD_REQUEST, Json(json!({"error": "unsupported_grant_type"}))).into_response();
        }
        let token = Uuid::new_v4().to_string();
        self.good.lock().expect("no panic").insert(token.clone(), 0);
        let life = self.life.lock().expect("no panic").as_secs();
        Json(json!({"access_token": token, "token_type": "bearer", "expires_in": life})).into_response()
    }
}

pub(super) async fn token(State(platform): State<Arc<Platform>>, headers: HeaderMap, body: String) -> Response {
    *platform.tokens.requests.lock().expect("no panic") += 1;
    let fault = platform.faults.next(&Target::Tokens);
    Fault::inject::<Refusal>(fault, async { platform.tokens.issue(&headers, &body) })
        .await
        .unwrap_or_else(ConnectionReset::close)
}
