//! The examples of `docs/content-types.md`.

use crate::spec::documents::{Block, Document};
use serde_json::Value;

/// A content type, as the guide shows it.
#[derive(Debug)]
pub struct Example {
    pub heading: String,
    /// The fields of the delivery: `content`, and sometimes `text`.
    pub members: Value,
    pub fallback_text: String,
    /// The response to the customer's choice, if there is one.
    pub answer: Option<Value>,
}

impl Example {
    /// All examples in order. Panics if a block belongs to none.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut examples: Vec<Self> = Vec::new();
        for Block { heading, language, code } in Document::read("docs/content-types.md").blocks {
            let json = (language == "json").then(|| serde_json::from_str::<Value>(&code).expect("JSON"));
            match (json, examples.last_mut().filter(|example| example.heading == heading)) {
                (Some(members), None) => {
                    examples.push(Self { heading, members, fallback_text: String::new(), answer: None });
                }
                (None, Some(example)) => example.fallback_text = code.trim_end().to_owned(),
                (Some(answer), Some(example)) => example.answer = Some(answer),
                (None, None) => panic!("{heading}: there is no example before this: {code}"),
            }
        }
        examples
    }

    #[must_use]
    pub fn parts(&self) -> &[Value] {
        self.members["content"].as_array().expect("a list of parts")
    }

    #[must_use]
    pub fn is_multicloud_cx(&self) -> bool {
        self.parts().iter().all(|part| part.get("contentType").is_none())
    }
}
