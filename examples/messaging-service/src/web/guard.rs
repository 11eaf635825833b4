//! Access control. The pages are served on this machine only, but every page in this machine's browser can reach them: a
//! page of another site must neither read a conversation nor write in anybody's name.

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, InvalidHeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use reqwest::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Only the page's own files, and images and videos from any URL in a message. Text never becomes markup: even the
/// page's own script cannot do that (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' https: http://127.0.0.1:* http://localhost:* http://*.localhost:*; \
    media-src https: http://127.0.0.1:* http://localhost:* http://*.localhost:*; \
    base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The content security policy of a page.
#[derive(Debug, Clone)]
pub struct Policy(HeaderValue);

impl Policy {
    /// The policy of a page that the page at `parent` may show in a frame, and that itself shows the pages at `children`.
    ///
    /// # Errors
    /// An origin is not text that a header can have.
    pub fn new<'u>(
        parent: Option<&Url>,
        children: impl IntoIterator<Item = &'u Url>,
    ) -> Result<Self, InvalidHeaderValue> {
        let origin = |url: &Url| url.origin().ascii_serialization();
        let ancestors = parent.map_or_else(|| "'none'".to_owned(), origin);
        let children: Vec<_> = children.into_iter().map(origin).collect();
        let frames = if children.is_empty() { "'none'".to_owned() } else { children.join(" ") };
        HeaderValue::try_from(format!("{POLICY}; frame-src {frames}; frame-ancestors {ancestors}")).map(Self)
    }
}

/// Refuses requests with a host name that is not this machine's (DNS rebinding), and sets the security headers.
pub async fn this_machine_only(State(Policy(policy)): State<Policy>, request: Request, next: Next) -> Response {
    let mut response = if is_loopback(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "Ask for 127.0.0.1 or localhost.").into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Refuses requests from pages of other sites. The handlers require JSON bodies, which such pages cannot send without a
/// preflight.
pub async fn own_page_only(request: Request, next: Next) -> Response {
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
