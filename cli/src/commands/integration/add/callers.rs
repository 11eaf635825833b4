//! Callers named on the command line, whose secrets are generated.

use super::super::document::Document;
use super::super::generate;
use crate::error::CliError;
use serde_json::{Value, json};
use shared::platform::Route;
use std::str::FromStr;

/// The value of `--caller`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerFlag {
    name: String,
    credential_type: CredentialType,
    /// The routes that it is restricted to; empty if none are named.
    routes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CredentialType {
    Signature,
    BearerToken,
}

impl FromStr for CallerFlag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "the name can be followed by `:signing` or `:bearer`, and by `:` with routes such as `receipts,inbound`";
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let (credential_type, routes) = match rest.map(|rest| rest.split_once(':').unwrap_or((rest, ""))) {
            None => (CredentialType::Signature, ""),
            Some(("signing", routes)) => (CredentialType::Signature, routes),
            Some(("bearer", routes)) => (CredentialType::BearerToken, routes),
            Some((routes, "")) => (CredentialType::Signature, routes),
            Some(_) => return Err(FORM),
        };
        let words = (!routes.is_empty()).then(|| routes.split(','));
        let routes: Vec<_> = words.into_iter().flatten().map(str::to_owned).collect();
        // A typo must not leave the caller unrestricted.
        if text.ends_with(':') || routes.iter().any(|word| Route::named(word).is_empty()) {
            return Err(FORM);
        }
        if name.trim().is_empty() {
            Err("must have a name")
        } else {
            Ok(Self { name: name.to_owned(), credential_type, routes })
        }
    }
}

impl CredentialType {
    fn field(self) -> &'static str {
        match self {
            Self::Signature => "signingSecret",
            Self::BearerToken => "bearerToken",
        }
    }
}

/// Adds missing callers, each with a new secret, and sets the routes of those that name some.
pub(super) fn add(document: &mut Document, callers: &[CallerFlag]) -> Result<(), CliError> {
    let mut listed = document.list("/callers").to_vec();
    for caller in callers {
        let field = caller.credential_type.field();
        let of_it = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(&caller.name);
        match listed.iter().find(of_it) {
            Some(known) if known.get(field).is_some() => {}
            Some(_) => {
                let why = format!("the caller `{}` already exists with the other type of credential", caller.name);
                return Err(CliError::Failed(why));
            }
            None => {
                let secret = match caller.credential_type {
                    CredentialType::Signature => generate::signing_secret()?,
                    CredentialType::BearerToken => generate::token()?,
                };
                listed.push(json!({"name": caller.name, field: secret}));
            }
        }
        if !caller.routes.is_empty() {
            // During a rotation a caller is listed twice.
            for members in listed.iter_mut().filter_map(Value::as_object_mut) {
                if members.get("name").and_then(Value::as_str) == Some(&caller.name) {
                    members.insert("routes".to_owned(), caller.routes.clone().into());
                }
            }
        }
    }
    if !listed.is_empty() {
        document.set("/callers", listed.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_signs_by_default() {
        let read = |text: &str| text.parse::<CallerFlag>().map(|caller| (caller.name, caller.credential_type));
        assert_eq!(Ok(("crm".to_owned(), CredentialType::Signature)), read("crm"));
        assert_eq!(Ok(("crm".to_owned(), CredentialType::Signature)), read("crm:signing"));
        assert_eq!(Ok(("flows".to_owned(), CredentialType::BearerToken)), read("flows:bearer"));
        assert!(read("flows:token").is_err() && read(":bearer").is_err() && read("").is_err());
    }

    #[test]
    fn a_caller_is_restricted_to_the_named_routes() {
        let read =
            |text: &str| text.parse::<CallerFlag>().map(|caller| (caller.credential_type, caller.routes.join(" ")));
        assert_eq!(Ok((CredentialType::Signature, "receipts inbound".to_owned())), read("crm:receipts,inbound"));
        assert_eq!(Ok((CredentialType::Signature, "agent/typing".to_owned())), read("crm:signing:agent/typing"));
        assert_eq!(Ok((CredentialType::BearerToken, "cards".to_owned())), read("crm:bearer:cards"));
        for wrong in [
            "crm:",
            "crm:,",
            "crm:cards,",
            "crm:signing:,",
            "crm:bearer:",
            "crm:receipt",
            "crm:receipts:bearer",
            "crm:bearer:webhook",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let mut document = Document::new();
        add(&mut document, &["crm".parse().unwrap()]).unwrap();
        let secret = document.text("/callers/0/signingSecret").map(str::to_owned);
        add(&mut document, &["crm:inbound".parse().unwrap()]).unwrap();
        assert_eq!(Some(&json!(["inbound"])), document.get("/callers/0/routes"));
        assert_eq!(secret.as_deref(), document.text("/callers/0/signingSecret"));
        add(&mut document, &["crm".parse().unwrap()]).unwrap();
        assert_eq!(Some(&json!(["inbound"])), document.get("/callers/0/routes"), "no routes were named");
    }

    #[test]
    fn an_existing_caller_keeps_its_secret() {
        let mut document = Document::new();
        let callers = ["crm", "flows:bearer"].map(|text| text.parse().unwrap());
        add(&mut document, &callers).unwrap();
        let first = document.clone();
        assert_eq!(2, first.list("/callers").len());
        add(&mut document, &callers).unwrap();
        assert!(document == first);
        assert!(add(&mut document, &["crm:bearer".parse().unwrap()]).is_err());
    }
}
