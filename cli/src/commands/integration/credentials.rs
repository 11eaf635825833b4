//! No two callers have the same credential.
//!
//! A signature covers the id, the time and the body, and not the integration: where a secret is good in two of them,
//! anybody who sees a request to the one can send it to the other. And where two callers of one integration have the same,
//! neither the log nor the ids that they use tell them apart. Credentials are compared by digests, and never shown.

use super::document::Document;
use super::secrets::{Found, Secrets};
use crate::failure::Failure;
use crate::integrations::in_use;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use shared::digest::Digest;
use shared::integration::Caller;
use shared::json::fields;
use shared::model::integration_name::IntegrationName;

/// How many integrations are read at once.
const AT_ONCE: usize = 8;

/// Insists that no two callers in `document` have the same credential, and that none of these names has one of another
/// integration. What is generated, or stored already, need not be compared: the doctor compares all.
pub(super) async fn check(
    secrets: &Secrets<'_>,
    name: &IntegrationName,
    document: &Document,
    stored: Option<&Document>,
    named: &[&str],
) -> Result<(), Failure> {
    let callers = callers(document);
    if let Some((one, other)) = shared_within(&callers) {
        return Err(Failure::Failed(format!(
            "the callers `{one}` and `{other}` have the same credential: give each its own"
        )));
    }
    let known: Vec<_> = stored.into_iter().flat_map(self::callers).map(digest).collect();
    let given = callers.into_iter().filter(|caller| named.contains(&caller.name.as_str()));
    let given = given.map(|caller| (caller.name.clone(), digest(caller)));
    let new: Vec<_> = given.filter(|(_, digest)| !known.contains(digest)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let others = in_use(secrets.list().await?).into_iter().filter(|other| other != name);
    let mut others = stream::iter(others)
        .map(async |other| {
            let found = secrets.find(other.as_str()).await;
            (other, found)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((other, found)) = others.next().await {
        // What cannot be read, or not by this user, cannot be compared: the doctor does that for a user who may.
        let Ok(Found::Stored(stored)) = found else { continue };
        for caller in self::callers(&stored.document) {
            let theirs = caller.name.clone();
            let digest = digest(caller);
            if let Some((ours, _)) = new.iter().find(|(_, new)| *new == digest) {
                return Err(Failure::Failed(format!(
                    "the caller `{ours}` has the credential of the caller `{theirs}` of the integration `{other}`: a \
                     request to the one could be sent to the other; give each integration its own"
                )));
            }
        }
    }
    Ok(())
}

/// The callers that can be read, whatever the rest of the document is: it may have faults, or be unfinished.
fn callers(document: &Document) -> Vec<Caller> {
    let one = |entry: &Value| {
        fields::read_configuration(json!({ "callers": [entry] }), |fields| fields.objects("callers", Caller::read))
    };
    document.list("/callers").iter().filter_map(|entry| one(entry).ok()).flatten().collect()
}

fn digest(caller: Caller) -> Digest {
    caller.credential.digest()
}

/// Two callers with the same credential, if there are any.
fn shared_within(callers: &[Caller]) -> Option<(&str, &str)> {
    let mut seen: Vec<(&str, Digest)> = Vec::new();
    for Caller { name, credential, .. } in callers {
        let digest = credential.digest();
        match seen.iter().find(|(_, seen)| *seen == digest) {
            Some((other, _)) => return Some((other, name)),
            None => seen.push((name, digest)),
        }
    }
    None
}
