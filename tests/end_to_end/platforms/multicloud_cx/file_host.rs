//! The host of the customers' files.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Redirect, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::harness::tls::TlsServer;

/// With the bytes of a form's boundary and of line breaks.
pub(super) const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n--\r\n\r\n--, or what passes for one";
/// The default of `media.maximumBytes`.
pub(super) const LARGE: usize = 20_000_000;

/// It counts its requests.
pub(super) struct FileHost {
    pub(super) server: TlsServer,
    pub(super) requests: Arc<AtomicUsize>,
}

impl FileHost {
    pub(super) fn start() -> Self {
        let png = |content: &'static [u8]| get(async move || ([(header::CONTENT_TYPE, "image/png")], content));
        let chunked = async || {
            let chunks = PICTURE.chunks(5).map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk)));
            let body = Body::from_stream(futures::stream::iter(chunks));
            Response::builder().header(header::CONTENT_TYPE, "image/png").body(body).expect("a response")
        };
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let count = move |request: Request, next: Next| {
            counted.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        };
        let router = Router::new()
            .route("/parcel.png", png(PICTURE))
            .route("/label.png", png(b"a label"))
            .route("/chunked.png", get(chunked))
            .route("/empty.png", png(b""))
            .route("/large.png", get(async || ([(header::CONTENT_TYPE, "image/png")], large())))
            .route("/large-chunked.png", get(async || large_in_chunks()))
            .route("/login.png", get(async || ([(header::CONTENT_TYPE, "text/html")], "who are you?")))
            .route("/moved.png", get(async || Redirect::temporary("/parcel.png")))
            .route("/busy.png", get(async || StatusCode::SERVICE_UNAVAILABLE))
            .route("/silent.png", get(std::future::pending::<StatusCode>))
            .layer(from_fn(count));
        Self { server: TlsServer::start(router), requests }
    }

    pub(super) fn file(&self, name: &str) -> Value {
        json!({"url": format!("{}/{name}", self.server.origin), "mime": "image/png"})
    }
}

fn large_in_chunks() -> Response {
    let chunks: Vec<_> = large().chunks(10_000).map(Bytes::copy_from_slice).map(Ok::<_, std::io::Error>).collect();
    let body = Body::from_stream(futures::stream::iter(chunks));
    Response::builder().header(header::CONTENT_TYPE, "image/png").body(body).expect("a response")
}

pub(super) fn large() -> Vec<u8> {
    (0..LARGE).map(|index| (index % 251) as u8).collect()
}
