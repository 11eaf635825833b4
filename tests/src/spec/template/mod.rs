//! infra/template.yaml as CloudFormation gets it, and what it says of metrics.

mod metrics;
mod named;

pub use metrics::{CALLING, FUNCTIONS, METRICS, Metric, ROUTES, SENDERS};
pub use named::Named;

use crate::spec::openapi::printed_by_python;
use serde_json::Value;
use std::sync::LazyLock;

/// The template with everything that SAM adds, and with its conditions still open.
///
/// # Panics
/// If it cannot be transformed.
#[must_use]
pub fn transformed() -> &'static Value {
    static TEMPLATE: LazyLock<Value> = LazyLock::new(|| printed_by_python(&["infra/local/transform.py"]));
    &TEMPLATE
}
