//! The agent's desk that `make run` and `make watch` serve.

pub mod desk;
