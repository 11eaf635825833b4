//! Refuses a credential that another caller has.
//!
//! A signature covers the id, the time and the body, but not the integration: if two integrations share a secret, a
//! request to one can be replayed to the other. If two callers of one integration share it, neither the log nor their
//! idempotency keys tell them apart. Credentials are compared by digest and never printed.

use super::document::Document;
use super::secret_store::{SecretState, SecretStore};
use crate::aws::integrations::active_names;
use crate::error::CliError;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use shared::digest::Digest;
use shared::integration::Caller;
use shared::json::fields;
use shared::model::integration_name::IntegrationName;

const CONCURRENCY: usize = 8;

/// Requires that no two callers in `document` have the same credential, and that no caller in `named` has a credential
/// of another integration. Generated and stored credentials need not be compared: the doctor compares all.
pub(super) async fn check(
    secrets: &SecretStore<'_>,
    name: &IntegrationName,
    document: &Document,
    stored: Option<&Document>,
    named: &[&str],
) -> Result<(), CliError> {
    let callers = callers(document);
    if let Some((one, other)) = shared_within(&callers) {
        return Err(CliError::Failed(format!(
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
    let others = active_names(secrets.list().await?).into_iter().filter(|other| other != name);
    let mut others = stream::iter(others)
        .map(async |other| {
            let found = secrets.find(other.as_str()).await;
            (other, found)
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((other, found)) = others.next().await {
        // A secret that this user cannot read is not compared: the doctor does that for a user who can.
        let Ok(SecretState::Stored(stored)) = found else { continue };
        for caller in self::callers(&stored.document) {
            let theirs = caller.name.clone();
            let digest = digest(caller);
            if let Some((ours, _)) = new.iter().find(|(_, new)| *new == digest) {
                return Err(CliError::Failed(format!(
                    "the caller `{ours}` has the credential of the caller `{theirs}` of the integration `{other}`: a \
                     request to one could be replayed to the other; give each integration its own"
                )));
            }
        }
    }
    Ok(())
}

/// The valid callers. The rest of the document may have errors, or be incomplete.
fn callers(document: &Document) -> Vec<Caller> {
    let one = |entry: &Value| {
        fields::read_configuration(json!({ "callers": [entry] }), |fields| fields.objects("callers", Caller::read))
    };
    document.list("/callers").iter().filter_map(|entry| one(entry).ok()).flatten().collect()
}

fn digest(caller: Caller) -> Digest {
    caller.credential.digest()
}

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
