//! The header `Prefer` (RFC 7240).

use http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preference for an answer before the request is executed.
pub(super) const RESPOND_ASYNC: &str = "respond-async";

/// Whether the caller prefers an answer before the request is executed. What else a preference says does not matter: its value
/// and its parameters may be ignored.
pub(super) fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let name = |preference: &str| preference.split([';', '=']).next().map(|name| name.trim().to_ascii_lowercase());
    preferences.filter_map(name).any(|name| name == RESPOND_ASYNC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_preference_is_found_among_others_in_any_case_and_with_parameters() {
        let prefers = |values: &[&'static str]| {
            let values = values.iter().map(|value| (PREFER, HeaderValue::from_static(value)));
            prefers_async(&values.collect())
        };
        for good in ["respond-async", "Respond-Async, wait=10", "wait=10, respond-async", "respond-async;foo=bar"] {
            assert!(prefers(&[good]), "{good}");
        }
        assert!(prefers(&["wait=10", "respond-async"]));
        for other in ["", "return=minimal", "respond-asynchronously", "wait=respond-async", "foo; respond-async"] {
            assert!(!prefers(&[other]), "{other}");
        }
        assert!(!prefers(&[]));
    }
}
