//! What the chat page shares with other pages on this machine that show a conversation.

pub mod web;
