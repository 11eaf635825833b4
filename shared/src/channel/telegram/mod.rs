//! Telegram: one bot for each integration, private chats only.

mod answer;
pub mod api;
mod bot;
mod call;
pub mod config;
mod content;
mod fallback;
mod part;
mod render;
pub mod setup;
mod text;
mod update;

pub use bot::{Bot, BotToken, InvalidBotToken};
pub use part::Part;
