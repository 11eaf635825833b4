//! The directory of users.

use super::answers::{Done, Refusal};
use super::models::{SearchCriterion, UserSearch};
use super::platform::{Incoming, Platform};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The ids and addresses of the users.
#[derive(Debug, Default)]
pub(super) struct Users {
    all: Mutex<Vec<(String, String)>>,
    /// Whether searches return everybody.
    pub(super) ignores_criteria: AtomicBool,
}

impl Users {
    pub(super) fn add(&self, id: &str, email: &str) {
        self.all.lock().expect("no panic").push((id.to_owned(), email.to_owned()));
    }

    pub(super) fn remove(&self, id: &str) {
        self.all.lock().expect("no panic").retain(|(known, _)| known != id);
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.all.lock().expect("no panic").iter().any(|(known, _)| known == id)
    }

    /// The users that meet all criteria.
    fn matching(&self, criteria: &[SearchCriterion]) -> Vec<Value> {
        let ignored = self.ignores_criteria.load(Ordering::Relaxed);
        let all = self.all.lock().expect("no panic");
        let users = all.iter().map(|(id, email)| {
            let name = email.split('@').next();
            json!({
                "id": id, "name": name, "email": email, "username": email, "state": "active", "version": 1,
                "selfUri": format!("/api/v2/users/{id}"),
            })
        });
        users.filter(|user| ignored || criteria.iter().all(|criterion| criterion.is_met(user))).collect()
    }
}

/// The elements of a page.
fn elements<T>(all: Vec<T>, size: usize, number: usize) -> Vec<T> {
    all.into_iter().skip(size.saturating_mul(number - 1)).take(size).collect()
}

/// The page of a listing that the query names.
pub(super) fn page(query: &BTreeMap<String, String>, all: Vec<Value>) -> Result<Value, Refusal> {
    let (size, page) = (number(query, "pageSize", 25)?, number(query, "pageNumber", 1)?);
    let (total, pages) = (all.len(), all.len().div_ceil(size));
    let entities = elements(all, size, page);
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

/// Lists all users. It ignores every other parameter, such as an address.
pub(super) async fn list(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || Ok(Done::answer(page(&incoming.query(), platform.users.matching(&[]))?));
    platform.done("users", &incoming, work).await
}

pub(super) async fn search(State(platform): State<Arc<Platform>>, incoming: Incoming) -> Response {
    let work = || {
        let UserSearch { page_size, page_number, query } = incoming.read()?;
        let (size, number) = (page_size.get(), page_number.get());
        let users = platform.users.matching(&query);
        let (total, pages) = (users.len(), users.len().div_ceil(size));
        Ok(Done::answer(json!({
            "total": total, "pageCount": pages, "pageSize": size, "pageNumber": number, "types": ["users"],
            "results": elements(users, size, number),
        })))
    };
    platform.done("user-search", &incoming, work).await
}
