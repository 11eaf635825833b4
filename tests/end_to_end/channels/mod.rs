//! Channels: customers are reached through Twilio or Telegram, in place of a messaging service.

mod customer;
mod every_pair;
mod platform;
mod telegram;
mod twilio;
mod under_load;
