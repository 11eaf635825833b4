//! Simulated counterparts: the platforms, the channels' providers, a messaging service and an SMS gateway.

pub mod answer;
pub mod credentials;
pub mod faults;
pub mod genesys_cloud;
pub mod highlevel;
pub mod messaging_service;
pub mod multicloud_cx;
pub mod sms_gateway;
pub mod telegram;
pub mod telephone;
pub mod twilio;
