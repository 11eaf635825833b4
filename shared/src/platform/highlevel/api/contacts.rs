//! Contacts: from a customer's phone number or email address to the contact, and contacts without both.
//!
//! Source: <https://marketplace.gohighlevel.com/docs/ghl/contacts/contacts-api/>.

use super::response::{body_of, id};
use super::{Call, Client, RetryMode};
use crate::cache::BoundedCache;
use crate::model::inbound::Customer;
use crate::model::message::IdType;
use crate::platform::ApiError;
use crate::platform::highlevel::config::Config;
use crate::platform::transport::ApiResponse;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
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

pub(super) fn cache() -> BoundedCache<Key, String> {
    BoundedCache::new(TIME_TO_LIVE)
}

/// A customer, as the caller of a route knows it.
pub(super) struct Addressee<'c> {
    pub(super) id: &'c str,
    pub(super) id_type: &'c IdType,
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
        Self { id: &customer.id, id_type: &customer.id_type, name }
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

/// The body of `POST /contacts/`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewContact<'c> {
    location_id: &'c str,
    #[serde(flatten)]
    name: ContactName<'c>,
}

impl Client {
    /// Creates a contact without a phone number and an email address. If the outcome is unknown, the call may be repeated: it
    /// leaves at most a contact without messages.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create_contact(
        &self,
        config: &Config,
        customer: &Customer,
        deadline: Instant,
    ) -> Result<String, ApiError> {
        let body = NewContact { location_id: &config.location_id, name: Addressee::from(customer).name };
        let call = Call::new(Method::POST, &["contacts"], &body, &config.contacts_api_version, RetryMode::IfNotSent)?;
        let call = Call { is_collection: true, ..call };
        let created = self.call(config, &call, named_contact, deadline).await;
        created.map_err(|error| error.before_call("the contact could not be created"))
    }

    /// Whether the contact exists.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn contact_exists(&self, config: &Config, id: &str, deadline: Instant) -> Result<bool, ApiError> {
        let path = ["contacts", id];
        let call = Call::without_body(Method::GET, &path, &config.contacts_api_version, RetryMode::Idempotent);
        match self.call(config, &call, contact_id, deadline).await {
            Ok(contact) => Ok(contact.is_some()),
            Err(error) if may_be_gone(&error) => Ok(false),
            // The message was refused, and the lookup may be repeated.
            Err(error) => Err(error.before_call("the contact could not be looked up")),
        }
    }

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
        // Nothing was sent to the customer or the agent, and the lookup may be repeated.
        let id = resolved.map_err(|error| error.before_call("the contact could not be looked up"))?;
        self.contacts.insert(key, id.clone());
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
        if let Some(id) = self.call(config, &call, contact_id, deadline).await? {
            return Ok(id);
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
        self.call(config, &call, named_contact, deadline).await
    }
}

/// The id in `contact`, which is null if there is none. The platform publishes no schema of the search's response.
fn contact_id(response: &ApiResponse) -> Result<Option<String>, ApiError> {
    Ok(body_of(response)?.get("contact").and_then(Value::as_object).and_then(|contact| id(contact, "id")))
}

fn named_contact(response: &ApiResponse) -> Result<String, ApiError> {
    contact_id(response)?.ok_or(ApiError::OutcomeUnknown { cause: "the response names no contact", error: None })
}

/// Whether the contact of the call may not exist any more. Nothing was done.
fn may_be_gone(error: &ApiError) -> bool {
    let statuses = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::UNPROCESSABLE_ENTITY];
    matches!(error, ApiError::Refused(error) if statuses.iter().any(|status| status.as_u16() == error.status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use serde_json::json;

    #[test]
    fn a_search_finds_the_contact_that_the_platform_names_or_none() {
        let found = |body: Value| {
            let body = Ok(body.to_string().into_bytes());
            contact_id(&ApiResponse { status: StatusCode::OK, headers: HeaderMap::new(), body }).unwrap()
        };
        for none in [json!({}), json!({"contact": null}), json!({"contact": {"id": ""}}), json!(null)] {
            assert_eq!(None, found(none));
        }
        assert_eq!(Some("k".to_owned()), found(json!({"contact": {"id": "k", "phone": "+1"}, "traceId": "t"})));
    }
}
