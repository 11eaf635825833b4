//! Only the page itself may read conversations and write as the agent.

use crate::fixture::{CUSTOMER, Case};
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use reqwest::{Method, StatusCode};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

async fn request(case: &Case, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> StatusCode {
    let mut request = case.http.request(method, format!("{}{path}", case.desk.url)).body(r#"{"text": "hello"}"#);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn only_hosts_of_this_machine_are_served() {
    let case = Case::start().await;
    for path in ["/", "/desk.js", "/sides", "/conversations", "/conversations/c/events"] {
        let foreign = request(&case, Method::GET, path, &[(HOST, "evil.example")]).await;
        assert_eq!(StatusCode::MISDIRECTED_REQUEST, foreign, "{path}");
        assert_eq!(StatusCode::OK, request(&case, Method::GET, path, &[(HOST, "localhost:8080")]).await, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_write_nor_read() {
    let case = Case::start().await;
    case.customer_writes(CUSTOMER, "hello").await;
    let before = case.platform.finished_webhooks().await.len();
    let json = (CONTENT_TYPE, "application/json");
    for route in ["messages", "typing", "end"] {
        let path = format!("/conversations/{CUSTOMER}/{route}");
        // The telephone's page is one of another origin, too.
        for foreign in
            [(ORIGIN, "http://evil.example"), (ORIGIN, case.chat_page.url.as_str()), (SEC_FETCH_SITE, "same-site")]
        {
            let status = request(&case, Method::POST, &path, &[json.clone(), foreign.clone()]).await;
            assert_eq!(StatusCode::FORBIDDEN, status, "{route} {foreign:?}");
        }
        let status = request(&case, Method::POST, &path, &[(CONTENT_TYPE, "text/plain")]).await;
        assert_eq!(StatusCode::UNSUPPORTED_MEDIA_TYPE, status, "{route}");
    }
    for path in ["/sides", "/conversations", "/conversations/ada/events"] {
        let status = request(&case, Method::GET, path, &[(SEC_FETCH_SITE, "cross-site")]).await;
        assert_eq!(StatusCode::FORBIDDEN, status, "{path}");
    }
    assert_eq!(before, case.platform.finished_webhooks().await.len());
    assert!(!case.platform.conversation(CUSTOMER).unwrap().ended);
}

#[tokio::test]
async fn texts_that_the_platform_would_refuse_and_unknown_customers_are_refused() {
    let case = Case::start().await;
    case.customer_writes(CUSTOMER, "hello").await;
    let post = async |customer: &str, body: &str| {
        let request = case.http.post(format!("{}/conversations/{customer}/messages", case.desk.url));
        request.header(CONTENT_TYPE, "application/json").body(body.to_owned()).send().await.unwrap().status()
    };
    let too_long = format!(r#"{{"text": "{}"}}"#, "é".repeat(2_001));
    for body in ["{}", r#"{"text": " "}"#, r#"{"text": 7}"#, &too_long] {
        assert_eq!(StatusCode::UNPROCESSABLE_ENTITY, post(CUSTOMER, body).await, "{body}");
    }
    assert_eq!(StatusCode::NOT_FOUND, post("unknown", r#"{"text": "hello"}"#).await);
    let conversation = case.platform.conversation(CUSTOMER).unwrap();
    assert!(case.platform.end_conversation(&conversation).await);
    assert_eq!(StatusCode::CONFLICT, post(CUSTOMER, r#"{"text": "hello"}"#).await);
}

#[tokio::test]
async fn the_desk_frames_the_customers_sides_alone_and_only_the_desk_may_frame_them() {
    let case = Case::start().await;
    let policy = async |url: &str| {
        let response = case.http.get(url).send().await.unwrap();
        response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    let telephones = case.telephones.each_ref().map(|telephone| telephone.url.as_str());
    let sides = [telephones[0], telephones[1], &case.chat_page.url];
    let ends = |policy: &str, frames: &str, ancestors: &str| {
        assert!(policy.ends_with(&format!("; frame-src {frames}; frame-ancestors {ancestors}")), "{policy}");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
    };
    ends(&policy(&case.desk.url).await, &sides.join(" "), "'none'");
    for side in sides {
        ends(&policy(side).await, "'none'", &case.desk.url);
    }
}
