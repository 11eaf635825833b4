//! Checks of a page with axe-core.

use super::Browser;
use crate::spec::openapi::root;
use serde_json::{Value, json};
use std::fs;

/// The rules that the page breaks, each with the elements.
const VIOLATIONS: &str = "return axe.run().then(({ violations }) => violations.map(({ id, nodes }) => \
    [id, ...nodes.map(({ html, any }) => [html, ...any.map(({ message }) => message)])]));";

impl Browser {
    /// The rules of axe-core that the page breaks, each with the elements.
    pub async fn violations(&self) -> Value {
        if self.run("return typeof axe;").await == "undefined" {
            let axe = root().join(".venv/node/node_modules/axe-core/axe.min.js");
            self.run(&fs::read_to_string(axe).expect("`make setup-tests` installs it")).await;
        }
        self.run(VIOLATIONS).await
    }

    /// Asserts that axe-core finds nothing, in light and in dark colours.
    pub async fn assert_accessible(&self, state: &str) {
        for scheme in ["light", "dark"] {
            self.set_media(&[("prefers-color-scheme", scheme)]).await;
            let violations = self.violations().await;
            assert_eq!(json!([]), violations, "{state}, {scheme}: {violations:#}");
        }
    }
}
