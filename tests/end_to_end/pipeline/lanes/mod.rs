//! The two lanes on queues of SQS, with real dispatchers.

mod circuits;
mod fixture;
mod kills;
mod moves;
mod window;
