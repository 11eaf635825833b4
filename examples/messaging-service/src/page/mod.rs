//! Serves the files of the page.

use crate::Service;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use std::sync::Arc;

const FILES: [(&str, &str, &str); 5] = [
    ("/", "text/html; charset=utf-8", include_str!("index.html")),
    ("/chat.css", "text/css; charset=utf-8", include_str!("chat.css")),
    ("/chat.js", "text/javascript; charset=utf-8", include_str!("chat.js")),
    ("/content.js", "text/javascript; charset=utf-8", include_str!("content.js")),
    ("/icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

pub(crate) fn routes() -> Router<Arc<Service>> {
    FILES.into_iter().fold(Router::new(), |router, (path, media_type, file)| {
        router
            .route(path, get(move || async move { ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], file) }))
    })
}
