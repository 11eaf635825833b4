//! JSON documents of others, read within limits.

pub mod fields;
pub mod i_json;
pub mod limits;
pub(crate) mod open_enum;
