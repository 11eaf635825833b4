//! What is wrong with a configuration that is to be stored.

use super::super::document::{Document, unusable};
use crate::failure::Failure;
use shared::integration::Integration;
use shared::json::fields::FieldError;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use url::Url;

const API_BASE_URL: &str = "/apiBaseUrl";
/// What every call to Multicloud CX puts behind the URL of its API.
const API_PATH: &str = "/nexus/v3";

/// What the functions would make of it, unless something is wrong with it.
pub(super) fn read(document: &Document, name: &IntegrationName) -> Result<Integration, Failure> {
    match faults(document, name) {
        faults if faults.is_empty() => document.read(name),
        faults => Err(unusable(name, &faults)),
    }
}

/// Insists that nothing is wrong with what is there, whatever may be missing.
pub(super) fn so_far(document: &Document, name: &IntegrationName) -> Result<(), Failure> {
    let mut faults = faults(document, name);
    faults.retain(|fault| document.get(&fault.pointer).is_some());
    if faults.is_empty() { Ok(()) } else { Err(unusable(name, &faults)) }
}

/// What is wrong with the value at this JSON pointer.
pub(super) fn at(document: &Document, name: &IntegrationName, pointer: &str) -> Result<(), String> {
    let is_there = |fault: &FieldError| {
        fault.pointer.strip_prefix(pointer).is_some_and(|rest| matches!(rest.get(..1), None | Some("/")))
    };
    faults(document, name).into_iter().find(is_there).map_or(Ok(()), |fault| Err(fault.detail))
}

/// What the functions find, and what they could only find by calls that fail.
fn faults(document: &Document, name: &IntegrationName) -> Vec<FieldError> {
    let mut faults = document.faults(name);
    if document.text("/platform") == Some(PlatformName::MulticloudCx.as_str()) && has_api_path(document) {
        let detail = format!("must not end in {API_PATH}, which every call puts behind it");
        faults.push(FieldError::new(API_BASE_URL, detail));
    }
    faults
}

fn has_api_path(document: &Document) -> bool {
    let url = document.text(API_BASE_URL).and_then(|url| Url::parse(url).ok());
    url.is_some_and(|url| url.path().trim_end_matches('/').ends_with(API_PATH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(platform: &str, url: &str) -> Document {
        let mut document = Document::new();
        document.set("/platform", platform.into());
        document.set(API_BASE_URL, url.into());
        document
    }

    #[test]
    fn the_path_that_every_call_has_is_no_part_of_the_apis_url() {
        let acme = "acme".parse().unwrap();
        for url in ["https://e.com/nexus/v3", "https://e.com/digital/nexus/v3/", "https://e.com/nexus/v3//"] {
            let fault = "must not end in /nexus/v3, which every call puts behind it".to_owned();
            assert_eq!(Err(fault), at(&with("multicloud-cx", url), &acme, API_BASE_URL), "{url}");
            assert_eq!(Ok(()), at(&with("highlevel", url), &acme, API_BASE_URL), "{url}");
        }
        for url in ["https://e.com", "https://e.com/digital", "https://e.com/nexus/v3/more"] {
            assert_eq!(Ok(()), at(&with("multicloud-cx", url), &acme, API_BASE_URL), "{url}");
        }
    }

    #[test]
    fn what_is_missing_is_no_fault_of_what_is_there() {
        let acme = "acme".parse().unwrap();
        assert!(so_far(&with("multicloud-cx", "https://e.com"), &acme).is_ok());
        let said = so_far(&with("multicloud-cx", "http://hidden.example"), &acme).unwrap_err().to_string();
        assert!(said.contains("\n  /apiBaseUrl must be") && !said.contains("is required"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
    }
}
