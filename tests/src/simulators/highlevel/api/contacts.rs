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

/// How the ids of conversations begin: the platform has one with each contact.
pub(super) const CONVERSATION_WITH: &str = "conversation-with-";

/// What a call names of a contact.
#[derive(Default)]
pub(super) struct Named<'n> {
    pub(super) id: Option<&'n str>,
    pub(super) conversation: Option<&'n str>,
    pub(super) email: Option<&'n str>,
    pub(super) phone: Option<&'n str>,
}

#[derive(Default)]
pub(super) struct Contacts {
    pub(super) setting: DuplicateSetting,
    /// The location of the token, if a test names it.
    pub(super) location: Option<String>,
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
        let location = query.get("locationId").filter(|id| !id.is_empty());
        self.check_location(location.ok_or_else(|| Refusal::new(422, "locationId should not be empty"))?)?;
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
        json!({"new": true, "contact": self.add(request).json(), "traceId": "t"})
    }

    /// `POST /contacts/`.
    pub(super) fn create(&mut self, request: &Upsert) -> Result<Value, Refusal> {
        if self.duplicate(request.email.as_deref(), request.phone.as_deref()).is_some() {
            return Err(Refusal::new(400, "This location does not allow duplicated contacts."));
        }
        Ok(json!({"contact": self.add(request).json(), "traceId": "t"}))
    }

    fn add(&mut self, request: &Upsert) -> &Contact {
        let id = Uuid::new_v4().simple().to_string();
        let name = request.name();
        self.all.push(Contact { id, phone: request.phone.clone(), email: request.email.clone(), name });
        self.all.last().expect("it was added")
    }

    /// `GET /contacts/{contactId}`.
    pub(super) fn read(&self, id: &str) -> Result<Value, Refusal> {
        let contact = self.all.iter().find(|contact| contact.id == id);
        let contact = contact.ok_or_else(|| Refusal::new(400, &format!("Contact with id {id} not found")))?;
        Ok(json!({"contact": contact.json(), "traceId": "t"}))
    }

    /// A token is good for one location.
    pub(super) fn check_location(&self, id: &str) -> Result<(), Refusal> {
        match &self.location {
            Some(own) if own != id => Err(Refusal::new(403, "The token does not have access to this location.")),
            _ => Ok(()),
        }
    }

    /// Checks what a call names of a contact. Contacts that no test has added have any addresses.
    pub(super) fn check(&self, named: &Named<'_>) -> Result<(), Refusal> {
        let Some(id) = named.id else { return Ok(()) };
        let is_address = id.contains('@') || id.starts_with('+');
        if is_address || self.deleted.iter().any(|deleted| deleted == id) {
            return Err(Refusal::new(404, "Contact not found"));
        }
        let other_conversation = named.conversation.and_then(|id| id.strip_prefix(CONVERSATION_WITH));
        if other_conversation.is_some_and(|contact| contact != id) {
            return Err(Refusal::new(400, "The conversation is not the contact's."));
        }
        let Some(contact) = self.all.iter().find(|contact| contact.id == id) else { return Ok(()) };
        let is_other = |named: Option<&str>, own: &Option<String>| named.is_some_and(|it| own.as_deref() != Some(it));
        if is_other(named.email, &contact.email) || is_other(named.phone, &contact.phone) {
            return Err(Refusal::new(400, "The address is not the contact's."));
        }
        Ok(())
    }
}

impl Contact {
    fn json(&self) -> Value {
        json!({"id": self.id, "phone": self.phone, "email": self.email, "name": self.name})
    }
}
