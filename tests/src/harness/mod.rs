//! Runs what is tested: the stack, single functions, the command, callers and a browser.

pub mod aws_proxy;
pub mod browser;
pub mod caller;
pub mod command;
pub mod dispatchers;
pub mod lambda_host;
pub mod lanes;
pub mod listener;
pub mod run_lock;
pub mod sample_service;
pub mod server;
pub mod stack;
pub mod tally;
pub mod tls;
