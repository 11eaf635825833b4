//! Validation of a configuration before it is stored.

use super::super::document::{Document, invalid_configuration};
use crate::error::CliError;
use shared::integration::Integration;
use shared::json::fields::FieldError;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformName;
use url::Url;

const API_BASE_URL: &str = "/apiBaseUrl";
/// Every call to Multicloud CX appends this to the API's URL.
const API_PATH: &str = "/nexus/v3";

pub(super) fn read(document: &Document, name: &IntegrationName) -> Result<Integration, CliError> {
    match faults(document, name) {
        faults if faults.is_empty() => document.to_integration(name),
        faults => Err(invalid_configuration(name, &faults)),
    }
}

/// Validates the fields that are set, and ignores missing ones.
pub(super) fn partial(document: &Document, name: &IntegrationName) -> Result<(), CliError> {
    let mut faults = faults(document, name);
    faults.retain(|fault| document.get(&fault.pointer).is_some());
    if faults.is_empty() { Ok(()) } else { Err(invalid_configuration(name, &faults)) }
}

/// Validates the field at this JSON pointer.
pub(super) fn field_at(document: &Document, name: &IntegrationName, pointer: &str) -> Result<(), String> {
    let is_there = |fault: &FieldError| {
        fault.pointer.strip_prefix(pointer).is_some_and(|rest| matches!(rest.get(..1), None | Some("/")))
    };
    faults(document, name).into_iter().find(is_there).map_or(Ok(()), |fault| Err(fault.detail))
}

/// The errors of the functions' parser, and one that would show only in failing calls.
fn faults(document: &Document, name: &IntegrationName) -> Vec<FieldError> {
    let mut faults = document.field_errors(name);
    if document.text("/platform") == Some(PlatformName::MulticloudCx.as_str()) && has_api_path(document) {
        let detail = format!("must not end in {API_PATH}, which every call appends");
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
    fn the_api_url_does_not_end_in_the_path_of_every_call() {
        let acme = "acme".parse().unwrap();
        for url in ["https://e.com/nexus/v3", "https://e.com/digital/nexus/v3/", "https://e.com/nexus/v3//"] {
            let fault = "must not end in /nexus/v3, which every call appends".to_owned();
            assert_eq!(Err(fault), field_at(&with("multicloud-cx", url), &acme, API_BASE_URL), "{url}");
            assert_eq!(Ok(()), field_at(&with("highlevel", url), &acme, API_BASE_URL), "{url}");
        }
        for url in ["https://e.com", "https://e.com/digital", "https://e.com/nexus/v3/more"] {
            assert_eq!(Ok(()), field_at(&with("multicloud-cx", url), &acme, API_BASE_URL), "{url}");
        }
    }

    #[test]
    fn missing_fields_are_no_error_in_a_partial_document() {
        let acme = "acme".parse().unwrap();
        assert!(partial(&with("multicloud-cx", "https://e.com"), &acme).is_ok());
        let said = partial(&with("multicloud-cx", "http://hidden.example"), &acme).unwrap_err().to_string();
        assert!(said.contains("\n  /apiBaseUrl must be") && !said.contains("is required"), "{said}");
        assert!(!said.contains("hidden"), "{said}");
    }
}
