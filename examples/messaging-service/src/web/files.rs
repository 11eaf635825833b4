//! The files of a page.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

/// A file: its path, its media type and its text.
pub type File = (&'static str, MediaType, &'static str);

#[derive(Debug, Clone, Copy)]
pub enum MediaType {
    Html,
    Css,
    JavaScript,
    Svg,
}

/// What a message, a conversation and its composer look like, and what they do.
const COMMON: [File; 8] = [
    ("/conversation.css", MediaType::Css, include_str!("files/conversation.css")),
    ("/chooser.js", MediaType::JavaScript, include_str!("files/chooser.js")),
    ("/composer.js", MediaType::JavaScript, include_str!("files/composer.js")),
    ("/content.js", MediaType::JavaScript, include_str!("files/content.js")),
    ("/log.js", MediaType::JavaScript, include_str!("files/log.js")),
    ("/stream.js", MediaType::JavaScript, include_str!("files/stream.js")),
    ("/telephone.css", MediaType::Css, include_str!("files/telephone.css")),
    ("/icon.svg", MediaType::Svg, include_str!("files/icon.svg")),
];

/// Serves the common files and these.
pub fn routes<S: Clone + Send + Sync + 'static>(files: &[File]) -> Router<S> {
    COMMON.iter().chain(files).fold(Router::new(), |router, (path, media_type, text)| {
        let headers = [(CONTENT_TYPE, media_type.as_str()), (CACHE_CONTROL, "no-cache")];
        let text = *text;
        router.route(path, get(move || async move { (headers, text) }))
    })
}

impl MediaType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::JavaScript => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}
