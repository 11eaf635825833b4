//! What happens to conversations, from the platform's event bus to the messaging service.

mod delivery;
mod fixture;
mod function;
mod owners;
