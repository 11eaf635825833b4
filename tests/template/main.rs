//! What the template promises, read from it as CloudFormation gets it: who may do what, what outlives what, how fast and
//! how long, and what wakes whom. It needs no stack.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod alarms;
mod api;
mod document;
mod functions;
mod parameters;
mod permissions;
mod storage;
