//! From a customer's telephone number or email address to the contact.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/contacts/contacts-api/>.

use super::{Call, Client, RetryMode, body_of};
use crate::model::inbound::Customer;
use crate::model::message::IdType;
use crate::platform::ApiError;
use crate::platform::highlevel::config::Config;
use crate::platform::lookup_cache::LookupCache;
use crate::platform::transport::ApiResponse;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// What a contact is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum AddressKind {
    Phone,
    Email,
}

/// Platform, location, and address.
pub(super) type Key = (String, String, AddressKind, String);

pub(super) fn cache() -> LookupCache<Key> {
    LookupCache::new(TIME_TO_LIVE)
}

/// A customer, as the caller of a route knows it.
pub(super) struct Addressee<'c> {
    pub(super) id: &'c str,
    pub(super) id_type: &'c IdType,
    /// Where the request has the id.
    pub(super) pointer: &'static str,
    /// For a new contact.
    pub(super) name: ContactName<'c>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContactName<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
}

impl<'c> From<&'c Customer> for Addressee<'c> {
    fn from(customer: &'c Customer) -> Self {
        let (first_name, last_name) = (customer.first_name.as_deref(), customer.last_name.as_deref());
        let name = customer.nickname.as_deref().filter(|_| first_name.is_none() && last_name.is_none());
        let name = ContactName { first_name, last_name, name };
        Self { id: &customer.id, id_type: &customer.id_type, pointer: "/from/id", name }
    }
}

/// The body of `POST /contacts/upsert`: one address only, because with two the platform may change another contact.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upsert<'c> {
    location_id: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'c str>,
    #[serde(flatten)]
    name: &'c ContactName<'c>,
    create_new_if_duplicate_allowed: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Upserted {
    contact: Option<Contact>,
}

#[derive(Deserialize)]
struct Contact {
    id: String,
}

/// The contacts with an address.
enum Found {
    None,
    One(String),
    Several,
}

impl Client {
    /// Makes a call about the customer's contact. If the platform refuses a contact that was remembered, it is looked up
    /// again, because it may have been deleted or merged.
    pub(super) async fn with_contact<A, F: Future<Output = Result<A, ApiError>>>(
        &self,
        config: &Config,
        addressee: &Addressee<'_>,
        deadline: Instant,
        call: impl Fn(String) -> F,
    ) -> Result<A, ApiError> {
        let kind = match addressee.id_type {
            IdType::Phone => AddressKind::Phone,
            IdType::Email => AddressKind::Email,
            IdType::Opaque | IdType::Other(_) => return call(addressee.id.to_owned()).await,
        };
        let address = addressee.id.trim();
        let base_url = config.api_base_url.url().to_string();
        let key = (base_url, config.location_id.clone(), kind, address.to_ascii_lowercase());
        let remembered = self.contacts.get(&key);
        let refusal = match &remembered {
            None => None,
            Some(id) => match call(id.clone()).await {
                Err(error) if may_be_gone(&error) => Some(error),
                result => return result,
            },
        };
        self.contacts.remove(&key);
        let resolved = self.resolve(config, kind, address, addressee, deadline).await;
        let id = resolved.map_err(|error| match error {
            // Nothing was sent to the customer or the agent, and the look-up may be repeated.
            ApiError::OutcomeUnknown { .. } => ApiError::NotSent("the contact could not be looked up"),
            other => other,
        })?;
        self.contacts.insert(key, &id);
        match refusal {
            Some(error) if remembered.as_ref() == Some(&id) => Err(error),
            _ => call(id).await,
        }
    }

    /// The contact with the address. It is only created if there is none: an update could replace another address.
    async fn resolve(
        &self,
        config: &Config,
        kind: AddressKind,
        address: &str,
        addressee: &Addressee<'_>,
        deadline: Instant,
    ) -> Result<String, ApiError> {
        let parameter = match kind {
            AddressKind::Phone => "number",
            AddressKind::Email => "email",
        };
        let query = [("locationId", config.location_id.as_str()), (parameter, address)];
        let path = ["contacts", "search", "duplicate"];
        let call = Call::without_body(Method::GET, &path, &config.contacts_api_version, RetryMode::Idempotent);
        let call = Call { query: &query, ..call };
        match self.call(config, &call, |response| Ok(Found::read(&body_of(response)?)), deadline).await? {
            Found::One(id) => return Ok(id),
            Found::Several => {
                let detail = "is the address of several contacts: name the contact by its id";
                return Err(ApiError::invalid_field(addressee.pointer, detail));
            }
            Found::None => {}
        }
        let body = Upsert {
            location_id: &config.location_id,
            phone: (kind == AddressKind::Phone).then_some(address),
            email: (kind == AddressKind::Email).then_some(address),
            name: &addressee.name,
            create_new_if_duplicate_allowed: false,
        };
        let path = ["contacts", "upsert"];
        let call = Call::new(Method::POST, &path, &body, &config.contacts_api_version, RetryMode::Idempotent)?;
        self.call(config, &call, upserted, deadline).await
    }
}

impl Found {
    /// The platform publishes no schema of the response: usually `contact` is an object, or null.
    fn read(response: &Value) -> Self {
        let found = ["contact", "contacts"].into_iter().filter_map(|name| response.get(name));
        let contacts = found.flat_map(|found| match found {
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        });
        let ids = contacts.filter_map(|contact| contact.get("id")?.as_str()).filter(|id| !id.is_empty());
        let ids: BTreeSet<_> = ids.collect();
        match ids.first() {
            None => Self::None,
            Some(id) if ids.len() == 1 => Self::One((*id).to_owned()),
            Some(_) => Self::Several,
        }
    }
}

fn upserted(response: &ApiResponse) -> Result<String, ApiError> {
    let Upserted { contact } = body_of(response)?;
    let id = contact.map(|contact| contact.id).filter(|id| !id.is_empty());
    id.ok_or(ApiError::OutcomeUnknown { cause: "the response names no contact", error: None })
}

/// Whether the contact of the call may not exist any more. Nothing was done.
fn may_be_gone(error: &ApiError) -> bool {
    let statuses = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::UNPROCESSABLE_ENTITY];
    matches!(error, ApiError::Refused(error) if statuses.iter().any(|status| status.as_u16() == error.status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_search_finds_one_contact_none_or_several() {
        let ids = |response: Value| match Found::read(&response) {
            Found::None => "none".to_owned(),
            Found::One(id) => id,
            Found::Several => "several".to_owned(),
        };
        for none in [json!({}), json!({"contact": null}), json!({"contacts": []}), json!({"contact": {"id": ""}})] {
            assert_eq!("none", ids(none));
        }
        assert_eq!("k", ids(json!({"contact": {"id": "k", "phone": "+1"}, "traceId": "t"})));
        assert_eq!("k", ids(json!({"contact": {"id": "k"}, "contacts": [{"id": "k"}]})));
        assert_eq!("several", ids(json!({"contacts": [{"id": "k"}, {"id": "l"}]})));
    }
}
