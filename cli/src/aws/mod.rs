pub(crate) mod authorization;
pub(crate) mod clock;
pub(crate) mod error;
pub(crate) mod integrations;
pub(crate) mod log_groups;
mod profile;
pub(crate) mod sqs;
pub(crate) mod stack;
pub(crate) mod test_delivery;
