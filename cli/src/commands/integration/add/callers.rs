//! Callers that are named on the command line, and get their secrets.

use super::super::document::Document;
use super::super::generate;
use crate::failure::Failure;
use serde_json::{Value, json};
use shared::platform::Route;
use std::str::FromStr;

/// A caller that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerFlag {
    name: String,
    proof: Proof,
    /// The words for the routes that it is confined to; none where none are named.
    routes: Vec<String>,
}

/// How it proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Signature,
    BearerToken,
}

impl FromStr for CallerFlag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "after the name come `:signing` or `:bearer`, and `:` with routes such as `receipts,inbound`";
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let (proof, routes) = match rest.map(|rest| rest.split_once(':').unwrap_or((rest, ""))) {
            None => (Proof::Signature, ""),
            Some(("signing", routes)) => (Proof::Signature, routes),
            Some(("bearer", routes)) => (Proof::BearerToken, routes),
            Some((routes, "")) => (Proof::Signature, routes),
            Some(_) => return Err(FORM),
        };
        let words = (!routes.is_empty()).then(|| routes.split(','));
        let routes: Vec<_> = words.into_iter().flatten().map(str::to_owned).collect();
        // A slip must not leave the caller unconfined.
        if text.ends_with(':') || routes.iter().any(|word| Route::named(word).is_empty()) {
            return Err(FORM);
        }
        if name.trim().is_empty() { Err("must have a name") } else { Ok(Self { name: name.to_owned(), proof, routes }) }
    }
}

impl Proof {
    fn field(self) -> &'static str {
        match self {
            Self::Signature => "signingSecret",
            Self::BearerToken => "bearerToken",
        }
    }
}

/// Adds the callers that are not there yet, each with a secret of its own, and sets the routes of those that name some.
pub(super) fn add(document: &mut Document, callers: &[CallerFlag]) -> Result<(), Failure> {
    let mut listed = document.list("/callers").to_vec();
    for caller in callers {
        let field = caller.proof.field();
        let of_it = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(&caller.name);
        match listed.iter().find(of_it) {
            Some(known) if known.get(field).is_some() => {}
            Some(_) => {
                let why = format!("the caller `{}` is there already, and proves itself otherwise", caller.name);
                return Err(Failure::Failed(why));
            }
            None => {
                let secret = match caller.proof {
                    Proof::Signature => generate::signing_secret()?,
                    Proof::BearerToken => generate::token()?,
                };
                listed.push(json!({"name": caller.name, field: secret}));
            }
        }
        if !caller.routes.is_empty() {
            // While its secret is being rotated a caller is listed twice.
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
    fn a_caller_signs_unless_something_else_is_said() {
        let read = |text: &str| text.parse::<CallerFlag>().map(|caller| (caller.name, caller.proof));
        assert_eq!(Ok(("crm".to_owned(), Proof::Signature)), read("crm"));
        assert_eq!(Ok(("crm".to_owned(), Proof::Signature)), read("crm:signing"));
        assert_eq!(Ok(("flows".to_owned(), Proof::BearerToken)), read("flows:bearer"));
        assert!(read("flows:token").is_err() && read(":bearer").is_err() && read("").is_err());
    }

    #[test]
    fn a_caller_is_confined_to_the_routes_that_are_named() {
        let read = |text: &str| text.parse::<CallerFlag>().map(|caller| (caller.proof, caller.routes.join(" ")));
        assert_eq!(Ok((Proof::Signature, "receipts inbound".to_owned())), read("crm:receipts,inbound"));
        assert_eq!(Ok((Proof::Signature, "agent/typing".to_owned())), read("crm:signing:agent/typing"));
        assert_eq!(Ok((Proof::BearerToken, "cards".to_owned())), read("crm:bearer:cards"));
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
        assert_eq!(Some(&json!(["inbound"])), document.get("/callers/0/routes"), "nothing was said of them");
    }

    #[test]
    fn who_is_there_already_keeps_the_secret() {
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
