//! Requests of callers: messages of agents, cards, messages of customers, and receipts.

mod agent;
mod agentless;
pub(crate) mod cards;
mod conversations;
mod customer_cards;
mod deferred;
mod every_endpoint;
mod inbound;
mod inbound_files;
mod inbound_tolerance;
mod receipts;
mod text_traces;
