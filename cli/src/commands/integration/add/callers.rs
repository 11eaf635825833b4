//! Callers that are named on the command line, and get their secrets.

use super::super::document::Document;
use super::super::generate;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::str::FromStr;

/// A caller that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerFlag {
    name: String,
    proof: Proof,
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
        let (name, proof) = match text.split_once(':') {
            None => (text, Proof::Signature),
            Some((name, "signing")) => (name, Proof::Signature),
            Some((name, "bearer")) => (name, Proof::BearerToken),
            Some(_) => return Err("after the colon comes `signing` or `bearer`"),
        };
        if name.trim().is_empty() { Err("must have a name") } else { Ok(Self { name: name.to_owned(), proof }) }
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

/// Adds the callers that are not there yet, each with a secret of its own.
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
