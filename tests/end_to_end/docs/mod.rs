//! The README, the guides and the OpenAPI document, run against the deployed stack.

mod command_guide;
mod content_types;
mod documented_commands;
mod guide_fixture;
mod guides;
mod openapi;
mod receiver;
mod sms_gateway;
