//! The account's state, and the calls to it.

use super::addresses::{is_on_whatsapp, new_sid};
use super::answers::Refusal;
use super::inbound::Inbound;
use super::media::Media;
use super::message::Message;
use super::reports::Reports;
use super::settings::Settings;
use super::{ACCOUNT_SID, API_KEY, API_KEY_SECRET, AUTH_TOKEN, NUMBER};
use crate::simulators::credentials::Credentials;
use crate::simulators::faults::{ConnectionReset, Fault, Faults};
use crate::simulators::telephone::Acts;
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// In bytes: far above any form.
const BODY_LIMIT: usize = 100_000;

pub(super) struct Account {
    pub(super) url: String,
    /// A user and a password each, with a colon between.
    pub(super) keys: Credentials,
    /// What signs webhooks.
    pub(super) auth_token: Mutex<String>,
    pub(super) faults: Faults,
    pub(super) messages: watch::Sender<Vec<Message>>,
    /// How often a message was to be sent, successfully or not.
    pub(super) attempts: watch::Sender<usize>,
    /// What the vendor would let pass or refuse in no published way, and we never want to send.
    pub(super) mistakes: Mutex<Vec<String>>,
    /// The error codes of messages to these addresses.
    pub(super) refused: Mutex<HashMap<String, i64>>,
    pub(super) settings: Settings,
    pub(super) media: Media,
    pub(super) acts: Acts<Inbound>,
    pub(super) reports: Reports,
    /// The customers who have written on WhatsApp within 24 hours.
    pub(super) sessions: Mutex<HashSet<String>>,
}

/// A call.
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Account {
    pub(super) fn new(url: String) -> Self {
        let keys = Credentials::default();
        keys.change_to(&[&format!("{API_KEY}:{API_KEY_SECRET}"), &format!("{ACCOUNT_SID}:{AUTH_TOKEN}")]);
        Self {
            url,
            keys,
            auth_token: Mutex::new(AUTH_TOKEN.to_owned()),
            faults: Faults::default(),
            messages: watch::Sender::default(),
            attempts: watch::Sender::default(),
            mistakes: Mutex::default(),
            refused: Mutex::default(),
            settings: Settings::default(),
            media: Media::default(),
            acts: Acts::default(),
            reports: Reports::default(),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn has_number(&self, number: &str) -> bool {
        self.settings.numbers.lock().expect("no panic").iter().any(|one| one.number == number)
    }

    pub(super) fn has_service(&self, sid: &str) -> bool {
        self.settings.services.lock().expect("no panic").iter().any(|service| service.sid == sid)
    }

    /// The sender that a service chooses for this address.
    pub(super) fn sender_for(&self, to: &str) -> String {
        if is_on_whatsapp(to) { format!("whatsapp:{NUMBER}") } else { NUMBER.to_owned() }
    }

    pub(super) fn status_callback_of(&self, service: &str) -> Option<String> {
        let services = self.settings.services.lock().expect("no panic");
        services.iter().find(|one| one.sid == service)?.settings.get("StatusCallback").cloned()
    }

    pub(super) fn refusal_of(&self, to: &str) -> Option<i64> {
        self.refused.lock().expect("no panic").get(to).copied()
    }

    pub(super) fn assert_called_rightly(&self) {
        let mistakes = self.mistakes.lock().expect("no panic").clone();
        assert!(mistakes.is_empty(), "Twilio was called wrongly: {mistakes:#?}");
    }

    pub(super) fn mistake(&self, mistake: String) -> Refusal {
        self.mistakes.lock().expect("no panic").push(mistake);
        // So that a test that waits for messages fails now.
        self.messages.send_modify(|_| {});
        Refusal::new(20_001, "Invalid parameter")
    }

    /// The user of the call, if it has a good password.
    fn authenticate(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| BASE64.decode(value.strip_prefix("Basic ")?.as_bytes()).ok());
        let given = given.and_then(|value| String::from_utf8(value).ok()).unwrap_or_default();
        if !self.keys.take(|key| key == given) {
            return Err(Refusal::new(20_003, "Authenticate"));
        }
        Ok(given.split(':').next().unwrap_or_default().to_owned())
    }

    async fn send(self: &Arc<Self>, call: &Call) -> Response {
        if let Some(refusal) = self.form_refusal(call) {
            return refusal.into_response();
        }
        let has_more = [b"MediaUrl=".as_slice(), b"ContentSid="].iter().any(|&name| contains(&call.body, name));
        match Message::read(self, new_sid(if has_more { "MM" } else { "SM" }), &call.body) {
            Err(mistake) => self.mistake(mistake).into_response(),
            Ok(Err(refusal)) => refusal.into_response(),
            Ok(Ok(message)) => {
                let answer = message.json(ACCOUNT_SID, None);
                self.messages.send_modify(|messages| messages.push(message.clone()));
                self.acts.changed();
                self.report_first(message).await;
                (StatusCode::CREATED, Json(answer)).into_response()
            }
        }
    }

    /// A refusal of a body that is no form.
    fn form_refusal(&self, call: &Call) -> Option<Refusal> {
        let content_type = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        (!is_form).then(|| self.mistake(format!("{} has the content type {content_type:?}", call.uri.path())))
    }

    fn update(&self, call: &Call, work: impl FnOnce(&[u8]) -> Result<Response, String>) -> Response {
        if let Some(refusal) = self.form_refusal(call) {
            return refusal.into_response();
        }
        work(&call.body).unwrap_or_else(|mistake| self.mistake(mistake).into_response())
    }

    fn message(&self, sid: &str) -> Response {
        let status = self.reports.last_of(sid);
        let messages = self.messages.borrow();
        let message = messages.iter().find(|message| message.sid == sid);
        let message = message.map(|message| message.json(ACCOUNT_SID, status));
        message.map_or_else(|| Refusal::not_found().into_response(), |message| Json(message).into_response())
    }

    /// The account itself. Only its main keys and its auth token can read it.
    fn describe(user: &str) -> Response {
        if user.starts_with("SK") {
            return Refusal::new(20_003, "Authenticate").into_response();
        }
        let account = json!({"sid": ACCOUNT_SID, "friendly_name": "Acme", "status": "active", "type": "Full"});
        Json(account).into_response()
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

pub(super) async fn handle(State(account): State<Arc<Account>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let call = Call { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    let path: Vec<_> = call.uri.path().split('/').skip(1).collect();
    if let ["mms", file] = path.as_slice() {
        return account.media.download(file, &call.headers);
    }
    let user = match account.authenticate(&call.headers) {
        Ok(user) => user,
        Err(refused) => return refused.into_response(),
    };
    let settings = &account.settings;
    match (call.method.as_str(), path.as_slice()) {
        ("POST", ["2010-04-01", "Accounts", ACCOUNT_SID, "Messages.json"]) => {
            let fault = account.faults.next_call("send");
            let outcome = Fault::inject::<Refusal>(fault, account.send(&call)).await;
            account.attempts.send_modify(|attempts| *attempts += 1);
            outcome.unwrap_or_else(ConnectionReset::close)
        }
        (method, ["2010-04-01", "Accounts", ACCOUNT_SID, "Messages", message, "Media", file]) => {
            account.media.call(&account.url, method, message, file)
        }
        ("GET", ["2010-04-01", "Accounts", ACCOUNT_SID, "Messages", message]) => {
            account.message(message.trim_end_matches(".json"))
        }
        ("GET", ["2010-04-01", "Accounts", ACCOUNT_SID, "IncomingPhoneNumbers.json"]) => {
            settings.list_numbers(call.uri.query().unwrap_or_default())
        }
        ("GET", ["2010-04-01", "Accounts", ACCOUNT_SID, "IncomingPhoneNumbers", sid]) => settings.number(sid),
        ("POST", ["2010-04-01", "Accounts", ACCOUNT_SID, "IncomingPhoneNumbers", sid]) => {
            account.update(&call, |form| settings.update_number(sid, form))
        }
        ("GET", ["v1", "Services", sid]) => settings.service(sid),
        ("POST", ["v1", "Services", sid]) => account.update(&call, |form| settings.update_service(sid, form)),
        ("GET", ["2010-04-01", "Accounts", account]) if account.strip_suffix(".json") == Some(ACCOUNT_SID) => {
            Account::describe(&user)
        }
        _ => Refusal::not_found().into_response(),
    }
}
