//! What the end-to-end tests and the demonstration have in common: the deployed stack, the simulated platforms, a
//! messaging service that can be told how to behave, and a host that runs one function on its own.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

pub mod aws_proxy;
pub mod browser;
pub mod caller;
pub mod command;
pub mod content_types;
pub mod credentials;
pub mod dispatchers;
pub mod documents;
pub mod faults;
pub mod genesys_cloud;
pub mod genesys_cloud_api;
pub mod highlevel;
pub mod highlevel_api;
pub mod lambda_host;
pub mod listener;
pub mod messaging_service;
pub mod multicloud_cx;
pub mod multicloud_cx_api;
pub mod openapi;
pub mod rehearsal;
pub mod sample_service;
pub mod server;
pub mod stack;
pub mod template;
