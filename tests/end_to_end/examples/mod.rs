//! The examples for users, run against the deployed stack.

mod fixture;
mod sms_crashes;
mod sms_delivery;
mod sms_replies;
