//! The promises of the template: permissions, retention, throttling, timeouts and alarms. Needs no stack.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod alarms;
mod api;
mod conversation_events;
mod document;
mod functions;
mod parameters;
mod permissions;
mod queries;
mod storage;
