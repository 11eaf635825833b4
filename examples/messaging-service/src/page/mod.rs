//! The files of the page.

use sample_messaging_service::web::files::{File, MediaType};

pub(crate) const FILES: [File; 2] =
    [("/", MediaType::Html, include_str!("index.html")), ("/chat.js", MediaType::JavaScript, include_str!("chat.js"))];
