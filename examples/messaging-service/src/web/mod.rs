//! Pages that show a conversation: who may use them, and their common files.

pub mod files;
pub mod guard;
