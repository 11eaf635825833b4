//! The files of the page.

use sample_messaging_service::web::files::{File, MediaType};

pub(crate) const FILES: [File; 3] = [
    ("/", MediaType::Html, include_str!("index.html")),
    ("/chat.css", MediaType::Css, include_str!("chat.css")),
    ("/chat.js", MediaType::JavaScript, include_str!("chat.js")),
];
