//! The page of the sample messaging service, in a real browser: it shows what is delivered, and posts what the customer
//! does.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

mod accessibility;
mod answers;
mod chat;
mod guard;
mod hostile;
mod outcomes;
mod shown;
mod stream;
