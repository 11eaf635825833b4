pub(crate) mod completions;
pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod failed;
pub(crate) mod integration;
pub(crate) mod messages;
pub(crate) mod send;
pub(crate) mod webhook;
