//! The files of the page.

use sample_messaging_service::web::files::{File, MediaType};

pub(super) const FILES: [File; 3] = [
    ("/", MediaType::Html, include_str!("index.html")),
    ("/look.css", MediaType::Css, include_str!("look.css")),
    ("/telephone.js", MediaType::JavaScript, include_str!("telephone.js")),
];
