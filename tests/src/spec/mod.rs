//! Reads the documents and the template that the tests check.

pub mod content_types;
pub mod documents;
pub mod log_fields;
pub mod openapi;
pub mod template;
