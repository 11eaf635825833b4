//! The public address of a channel: what customers write, and the webhook's secret, are not sent to a stranger.

use crate::cli::fixture::Fixture;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex};
use tests::harness::listener::{ReservedPort, listen};
use tests::harness::server::{Server, origin};
use tests::simulators::telegram::Telegram;

/// A server at the public URL.
struct OtherServer {
    server: Server,
    state: Arc<Mutex<OtherState>>,
}

#[derive(Default)]
struct OtherState {
    answer: Answer,
    methods: Vec<Method>,
}

#[derive(Clone, Default)]
enum Answer {
    /// An HTML page.
    #[default]
    WebSite,
    Redirect(String),
    /// A document with this `type`, as this media type.
    Document(&'static str, &'static str),
}

const OTHER_STACK: Answer = Answer::Document("urn:patchbay:problem:integration-not-found", "application/problem+json");

impl OtherServer {
    fn start(answer: Answer) -> Self {
        let state = Arc::new(Mutex::new(OtherState { answer, methods: Vec::new() }));
        let server = Server::start(Router::new().fallback(respond).with_state(Arc::clone(&state)));
        Self { server, state }
    }

    fn url(&self) -> &str {
        &self.server.origin
    }

    fn change_to(&self, answer: Answer) {
        self.state.lock().unwrap().answer = answer;
    }

    /// The methods of the requests so far. Only a POST has a secret.
    fn methods(&self) -> Vec<Method> {
        self.state.lock().unwrap().methods.clone()
    }
}

async fn respond(State(state): State<Arc<Mutex<OtherState>>>, request: Request) -> Response {
    let mut state = state.lock().unwrap();
    state.methods.push(request.method().clone());
    match state.answer.clone() {
        Answer::WebSite => ([(header::CONTENT_TYPE, "text/html")], "<p>Welcome</p>").into_response(),
        Answer::Redirect(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Answer::Document(kind, media_type) => {
            let body = format!(r#"{{"type": "{kind}", "status": 404}}"#);
            (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, media_type)], body).into_response()
        }
    }
}

impl Fixture {
    async fn is_refused_at(&self, telegram: &Telegram, public_url: &str, observed: &str) {
        let refused = self.add_telegram(telegram).with(&["--public-url", public_url]).run().await.exited_with(1);
        for expected in ["--public-url", public_url, observed, "Nothing was written"] {
            assert!(refused.stderr.contains(expected), "{expected}: {refused:?}");
        }
        assert_eq!((0, None), (self.listed().await, telegram.webhook()));
        assert!(self.platform.integrations().is_empty());
    }
}

#[tokio::test]
async fn no_bot_is_connected_to_an_address_where_no_patchbay_answers() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let other = OtherServer::start(Answer::WebSite);
    let patchbay = format!("{}/integrations/patchbay-doctor-probe/channel/files/x", fixture.stack.api_url);
    for (answer, observed) in [
        (Answer::WebSite, "status 200"),
        (Answer::Redirect(patchbay), "status 302"),
        (Answer::Document("about:blank", "application/problem+json"), "status 404"),
        (Answer::Document("urn:patchbay:problem:file-not-found", "application/json"), "status 404"),
    ] {
        other.change_to(answer);
        fixture.is_refused_at(&telegram, other.url(), observed).await;
    }
    assert_eq!(vec![Method::GET; 4], other.methods());

    let silent = listen();
    fixture.is_refused_at(&telegram, &origin(&silent), "no response").await;
    let down = ReservedPort::bind();
    fixture.is_refused_at(&telegram, &format!("http://127.0.0.1:{}", down.port()), "no response").await;
}

#[tokio::test]
async fn a_bot_that_is_connected_stays_so_if_no_patchbay_answers_at_a_new_address() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    let (connected, other) = (telegram.webhook(), OtherServer::start(Answer::WebSite));
    let replaced = fixture.add_telegram(&telegram).with(&["--replace", "--yes", "--public-url", other.url()]);
    let _ = replaced.run().await.exited_with(1);
    assert_eq!(connected, telegram.webhook());
    let shown = fixture.shown().await;
    assert_eq!(fixture.stack.api_url, shown["configuration"]["channel"]["publicUrl"]);
}

#[tokio::test]
async fn a_public_url_without_encryption_is_refused_except_on_this_machine() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let add = fixture.add_telegram(&telegram).with(&["--public-url", "http://api.example.com"]);
    let refused = add.run().await.exited_with(1);
    for expected in ["/channel/publicUrl must be an https URL", "plain http is for loopback addresses only"] {
        assert!(refused.stderr.contains(expected), "{refused:?}");
    }
    assert_eq!((0, None), (fixture.listed().await, telegram.webhook()));
}

#[tokio::test]
async fn the_doctor_sends_no_secret_to_an_address_of_another_server() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let other = OtherServer::start(OTHER_STACK);
    let _ = fixture.add_telegram(&telegram).with(&["--public-url", other.url()]).run().await.succeeded();
    let redirect = Answer::Redirect(format!("{}/integrations/{}/channel", fixture.stack.api_url, fixture.name));
    for (answer, observed) in [
        (OTHER_STACK, "points to another stack: integration-not-found"),
        (Answer::WebSite, "does not point to this stack: it answers 200"),
        (redirect, "does not point to this stack: it answers 302"),
    ] {
        other.change_to(answer);
        let report = fixture.diagnose().await;
        report.assert_verdict("channel address", "fault", observed, "--public-url");
        report.assert_ok(&["channel credentials", "channel webhook"]);
    }
    assert_eq!(vec![Method::GET; 4], other.methods());
    drop(other);
    let report = fixture.diagnose().await;
    report.assert_verdict("channel address", "fault", "cannot be reached", "--public-url");
}
