//! Access control. The service listens on this machine only, but every page in this machine's browser can reach it: a
//! page of another site must neither read the chat nor send in the customer's name.

use axum::extract::Request;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Only the page's own files, and images and videos from any URL in a message. Text never becomes markup: even the
/// page's own script cannot do that (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' https: http://127.0.0.1:* http://localhost:* http://*.localhost:*; \
    media-src https: http://127.0.0.1:* http://localhost:* http://*.localhost:*; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Refuses requests with a host name that is not this machine's (DNS rebinding), and sets the security headers.
pub(crate) async fn this_machine_only(request: Request, next: Next) -> Response {
    let mut response = if is_loopback(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "Ask for 127.0.0.1 or localhost.").into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Refuses requests from pages of other sites. The handlers require JSON bodies, which such pages cannot send without a
/// preflight.
pub(crate) async fn own_page_only(request: Request, next: Next) -> Response {
    if is_same_origin(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "Only the page itself may ask for this.").into_response()
    }
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| authority.host().eq_ignore_ascii_case(name))
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let origin = headers.get(ORIGIN).is_none_or(|origin| origin.as_bytes().strip_prefix(b"http://") == Some(host));
    let site = headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    origin && site
}
