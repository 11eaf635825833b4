//! Simulated counterparts: the platforms and a messaging service.

pub mod credentials;
pub mod faults;
pub mod genesys_cloud;
pub mod highlevel;
pub mod messaging_service;
pub mod multicloud_cx;
