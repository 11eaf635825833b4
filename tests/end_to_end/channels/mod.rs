//! Channels: customers are reached through Twilio or Telegram, in place of a messaging service.

mod answers;
mod contacts;
mod customer;
mod every_pair;
mod platform;
mod reports;
mod telegram;
mod twilio;
mod under_load;
