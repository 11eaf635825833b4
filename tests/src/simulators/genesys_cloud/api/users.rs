//! The directory of users.

use super::answers::{Done, Refusal};
use super::platform::{Incoming, Platform};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The ids and addresses of the users.
#[derive(Debug, Default)]
pub(super) struct Users(Mutex<Vec<(String, String)>>);

impl Users {
    pub(super) fn add(&self, id: &str, email: &str) {
        self.0.lock().expect("no panic").push((id.to_owned(), email.to_owned()));
    }

    pub(super) fn remove(&self, id: &str) {
        self.0.lock().expect("no panic").retain(|(known, _)| known != id);
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.lock().expect("no panic").iter().any(|(known, _)| known == id)
    }

    /// A page of the users with the address that the query names.
    fn page(&self, query: &BTreeMap<String, String>) -> Result<Value, Refusal> {
        let email = query.get("email").filter(|email| !email.is_empty());
        let email = email.ok_or_else(|| Refusal::bad_request("email is required"))?;
        let users = self.0.lock().expect("no panic");
        let found = users.iter().filter(|(_, address)| address.eq_ignore_ascii_case(email));
        page(
            query,
            found.map(|(id, email)| json!({"id": id, "name": email.split('@').next(), "email": email})).collect(),
        )
    }
}

/// The page of a listing that the query names.
pub(super) fn page(query: &BTreeMap<String, String>, all: Vec<Value>) -> Result<Value, Refusal> {
    let (size, page) = (number(query, "pageSize", 25)?, number(query, "pageNumber", 1)?);
    let (total, pages) = (all.len(), all.len().div_ceil(size));
    let entities: Vec<_> = all.into_iter().skip(size.saturating_mul(page - 1)).take(size).collect();
    Ok(json!({"entities": entities, "pageSize": size, "pageNumber": page, "total": total, "pageCount": pages}))
}

/// A query parameter from 1 to 500.
fn number(query: &BTreeMap<String, String>, name: &str, otherwise: usize) -> Result<usize, Refusal> {
    let number = query.get(name).map_or(Ok(otherwise), |number| number.parse());
    number
        .ok()
        .filter(|number| (1..=500).contains(number))
        .ok_or_else(|| Refusal::bad_request(&format!("{name} must be a number of 1 to 500")))
}

pub(super) async fn users(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || Ok(Done::answer(platform.users.page(&incoming.query())?));
    platform.done("users", &incoming, work).await
}
