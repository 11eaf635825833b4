//! The command `patchbay`, run as an operator runs it.

mod account;
mod channel_address;
mod channel_removal;
mod channels;
mod completion;
mod dead_letters;
mod doctor;
mod doctor_fixture;
mod doctor_messaging_service;
mod doctor_permissions;
mod doctor_stack;
mod failed;
mod fixture;
mod genesys_cloud_set_up;
mod genesys_cloud_webhook_header;
mod integration;
mod integration_input;
mod logs;
mod messages;
mod operate;
mod redrive;
mod replacement_under_traffic;
mod rotation;
mod rotation_under_traffic;
mod send;
mod terminal;
