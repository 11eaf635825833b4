//! The pages that `make run` and `make watch` serve: the agent's desk, and customers' telephones.

pub mod desk;
mod stream;
pub mod telephone;
