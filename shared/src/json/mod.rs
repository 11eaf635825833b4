//! Untrusted JSON: limits, repair, and field-by-field reading.

pub mod fields;
pub mod i_json;
pub mod limits;
pub(crate) mod open_enum;
