//! What holds for every platform, and the tests of single platforms.

mod every_platform;
mod highlevel;
mod highlevel_agentless;
mod highlevel_contacts;
mod highlevel_messages;
mod highlevel_oauth;
mod highlevel_statuses;
mod highlevel_webhooks;
mod multicloud_cx;
