//! The contacts of a location.

use super::models::Upsert;
use super::platform::Refusal;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// The location's setting "Allow Duplicate Contact": whether several contacts may have an address, or which address is
/// unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DuplicateSetting {
    #[default]
    Allowed,
    UniqueEmail,
    UniquePhone,
}

#[derive(Debug, Clone, Default)]
pub struct Contact {
    pub id: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
}

#[derive(Default)]
pub(super) struct Contacts {
    pub(super) setting: DuplicateSetting,
    pub(super) all: Vec<Contact>,
    pub(super) deleted: Vec<String>,
}

impl Contacts {
    /// The contact that counts as a duplicate of one with these addresses. Where duplicates are allowed, the email decides
    /// first, and then the number.
    fn duplicate(&mut self, email: Option<&str>, phone: Option<&str>) -> Option<&mut Contact> {
        let has_email = |contact: &Contact| email.is_some() && contact.email.as_deref() == email;
        let has_phone = |contact: &Contact| phone.is_some() && contact.phone.as_deref() == phone;
        let index = match self.setting {
            DuplicateSetting::Allowed => {
                self.all.iter().position(has_email).or_else(|| self.all.iter().position(has_phone))
            }
            DuplicateSetting::UniqueEmail => self.all.iter().position(has_email),
            DuplicateSetting::UniquePhone => self.all.iter().position(has_phone),
        };
        self.all.get_mut(index?)
    }

    /// `GET /contacts/search/duplicate`.
    pub(super) fn search(&mut self, query: &HashMap<String, String>) -> Result<Value, Refusal> {
        let known = ["locationId", "number", "email"];
        if let Some(other) = query.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Refusal::new(422, &format!("property {other} should not exist")));
        }
        if query.get("locationId").is_none_or(String::is_empty) {
            return Err(Refusal::new(422, "locationId should not be empty"));
        }
        let (email, phone) = (query.get("email").map(String::as_str), query.get("number").map(String::as_str));
        if email.is_none() && phone.is_none() {
            return Err(Refusal::new(422, "number or email should not be empty"));
        }
        Ok(json!({"contact": self.duplicate(email, phone).map(|contact| contact.json())}))
    }

    /// `POST /contacts/upsert`. An existing contact gets the other address, too.
    pub(super) fn upsert(&mut self, request: &Upsert) -> Value {
        let name = request.name();
        if let Some(contact) = self.duplicate(request.email.as_deref(), request.phone.as_deref()) {
            contact.email = request.email.clone().or(contact.email.take());
            contact.phone = request.phone.clone().or(contact.phone.take());
            contact.name = name.or(contact.name.take());
            return json!({"new": false, "contact": contact.json(), "traceId": "t"});
        }
        let id = Uuid::new_v4().simple().to_string();
        let contact = Contact { id, phone: request.phone.clone(), email: request.email.clone(), name };
        let answer = json!({"new": true, "contact": contact.json(), "traceId": "t"});
        self.all.push(contact);
        answer
    }

    pub(super) fn check(&self, id: Option<&str>) -> Result<(), Refusal> {
        match id {
            Some(id) if self.deleted.iter().any(|deleted| deleted == id) => Err(Refusal::new(404, "Contact not found")),
            _ => Ok(()),
        }
    }
}

impl Contact {
    fn json(&self) -> Value {
        json!({"id": self.id, "phone": self.phone, "email": self.email, "name": self.name})
    }
}
