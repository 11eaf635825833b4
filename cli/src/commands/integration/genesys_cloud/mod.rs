//! Genesys Cloud's side of an integration: the credentials, the open messaging integration that sends webhooks, and its
//! profiles.

mod client;
mod profiles;
mod webhooks;

pub(super) use client::{CredentialsError, GenesysCloud, Profiles};
pub(super) use profiles::{EnsuredProfile, Kind, MediaTypes, ProfileChoice, ProfileRequest};
pub(super) use webhooks::{
    confirm_takeover, preserved_url, require_own_webhooks, sends_other_header, uses_other_secret,
};
