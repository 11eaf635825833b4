//! Only the page itself may read the chat and send in the customer's name.

use crate::fixture::{CUSTOMER, Service, text};
use reqwest::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use reqwest::{Method, StatusCode};
use tests::simulators::messaging_service::MessagingService;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

async fn request(service: &Service, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> StatusCode {
    let mut request = service.http.request(method, format!("{}{path}", service.url)).body(r#"{"text": "hello"}"#);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn only_hosts_of_this_machine_are_served() {
    let service = Service::start().await;
    for path in ["/", "/chat.js", "/customers", "/customers/c/events", "/deliveries"] {
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0", ""] {
            let status = request(&service, Method::GET, path, &[(HOST, host)]).await;
            assert_eq!(StatusCode::MISDIRECTED_REQUEST, status, "{path} {host}");
        }
        for host in ["localhost:8080", "127.0.0.1", "[::1]:9", "LOCALHOST"] {
            let status = request(&service, Method::GET, path, &[(HOST, host)]).await;
            assert_eq!(StatusCode::OK, status, "{path} {host}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_write_nor_read() {
    let patchbay = MessagingService::start().await;
    let service = Service::answering_to(&patchbay).await;
    let json = (CONTENT_TYPE, "application/json");
    let own = service.url.clone();
    for route in ["messages", "responses", "retries", "typing"] {
        let path = format!("/customers/{CUSTOMER}/{route}");
        for foreign in [
            (ORIGIN, "http://evil.example"),
            (ORIGIN, "http://127.0.0.1:1"),
            (ORIGIN, "null"),
            (SEC_FETCH_SITE, "cross-site"),
            (SEC_FETCH_SITE, "same-site"),
        ] {
            let status = request(&service, Method::POST, &path, &[json.clone(), foreign.clone()]).await;
            assert_eq!(StatusCode::FORBIDDEN, status, "{route} {foreign:?}");
        }
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let status = request(&service, Method::POST, &path, &[(CONTENT_TYPE, media_type)]).await;
            assert_eq!(StatusCode::UNSUPPORTED_MEDIA_TYPE, status, "{route} {media_type}");
        }
    }
    let events = format!("/customers/{CUSTOMER}/events");
    let read = request(&service, Method::GET, &events, &[(SEC_FETCH_SITE, "cross-site")]).await;
    assert_eq!(StatusCode::FORBIDDEN, read);
    assert!(patchbay.attempts().is_empty());

    let path = format!("/customers/{CUSTOMER}/messages");
    let page = [json, (ORIGIN, &own), (SEC_FETCH_SITE, "same-origin")];
    assert_eq!(StatusCode::ACCEPTED, request(&service, Method::POST, &path, &page).await);
    patchbay.wait_until(|attempts| attempts.len() == 1).await;
}

#[tokio::test]
async fn an_unsigned_delivery_is_refused_and_not_shown() {
    let service = Service::start().await;
    let body = text("forged").to_string();
    let request = service.http.post(format!("{}/messages", service.url)).body(body);
    assert_eq!(StatusCode::UNAUTHORIZED, request.send().await.unwrap().status());
    let customers = service.http.get(format!("{}/customers", service.url)).send().await.unwrap();
    assert_eq!("[]", customers.text().await.unwrap());
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let service = Service::start().await;
    for path in ["/", "/chat.js", "/content.js", "/conversation.css", "/icon.svg", "/customers", "/nowhere"] {
        let response = service.http.get(format!("{}{path}", service.url)).send().await.unwrap();
        let header = |name| response.headers()[name].to_str().unwrap();
        assert_eq!("nosniff", header(X_CONTENT_TYPE_OPTIONS));
        assert_eq!("no-referrer", header(REFERRER_POLICY));
        let policy = header(CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("data:"), "{policy}");
    }
}
