//! Deliveries to the company's messaging service, and the queue that they wait on.

pub mod client;
pub mod envelope;
pub mod parking;
pub mod payload;
pub mod probe;
pub mod queue;
pub mod record;
