//! Reads infra/template.yaml as CloudFormation receives it, and the metrics in it.

mod metrics;
mod named;

pub use metrics::{
    CALLING, CONVERSATION_EVENTS, FUNCTIONS, RECEIVERS, RENEWING, ROUTES, SENDERS, has_set, words, writers,
};
pub use named::{FilteredMetric, Named};

use crate::spec::openapi::printed_by_python;
use serde_json::Value;
use std::sync::LazyLock;

/// The template transformed by SAM, with its conditions unevaluated.
#[must_use]
pub fn transformed() -> &'static Value {
    static TEMPLATE: LazyLock<Value> = LazyLock::new(|| printed_by_python(&["infra/local/transform.py"]));
    &TEMPLATE
}
