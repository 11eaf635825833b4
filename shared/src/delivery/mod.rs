//! Deliveries to the company's messaging service, and the queues before it.

pub mod backoff;
pub mod client;
pub mod envelope;
pub mod id;
mod large_body;
pub mod parking;
pub mod payload;
pub mod probe;
pub mod queue;
pub mod record;
pub mod records;
pub mod retry_lane;
